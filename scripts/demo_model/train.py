"""Trains the model on CPU and writes it as Hugging Face files, with train.json about the training."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.demo_model import recipe
from scripts.demo_model.batches import Batch, batches
from scripts.demo_model.facts import load_facts
from scripts.demo_model.schedule import Progress, learning_rate
from scripts.demo_model.tokenizer import ChatEncoder, train_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

# Questions are learned from a little, so that the model knows the words; learning from all would cost most.
QUESTION_TOKENS = 0.12  # share of them that counts
QUESTION_WEIGHT = 0.1  # against 1 for a token of an answer
LOSS_MEMORY = 0.98
REPORT_EVERY = 100  # steps


@dataclass
class Training:
    """Figures of a training. `answer_loss` is the running mean cross entropy of answer tokens, in nats."""

    parameters: int
    steps: int = 0
    chats: int = 0
    tokens: int = 0
    answer_loss: float = 0.0
    seconds: float = 0.0
    torch_version: str = ""
    threads: int = 0
    bfloat16: bool = True

    def add(self, batch: Batch, answer_loss: float) -> None:
        memory = LOSS_MEMORY if self.steps else 0.0
        self.answer_loss = memory * self.answer_loss + (1 - memory) * answer_loss
        self.steps += 1
        self.chats += len(batch.ids)
        self.tokens += int((batch.labels >= 0).sum())

    def line(self) -> str:
        speed = self.tokens / self.seconds
        loss = f"answer loss {self.answer_loss:.4f}"
        return f"step {self.steps}: {loss}, {self.seconds:.0f} s, {speed:.0f} tokens/s"


def train(out: Path, progress: Progress, threads: int, bfloat16: bool) -> Training:
    """Train from nothing until `progress` is 1; writes `out`/hf/ and `out`/train.json."""
    import torch

    torch.manual_seed(recipe.WEIGHTS_SEED)
    torch.set_num_threads(threads)
    facts = load_facts()
    tokenizer = train_tokenizer(facts)
    model = new_model(tokenizer)
    parameters = sum(weights.numel() for weights in model.parameters())
    training = Training(parameters, torch_version=torch.__version__, threads=threads, bfloat16=bfloat16)
    learn(model, batches(facts, ChatEncoder(tokenizer)), progress, training)
    save(out, model, tokenizer)
    (out / "train.json").write_text(json.dumps(asdict(training), indent=1) + "\n", encoding="utf-8")
    return training


def learn(model: LlamaForCausalLM, source: Iterator[Batch], progress: Progress, training: Training) -> None:
    """Learn batch by batch until `progress` is 1, keeping the figures in `training`."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    start = time.monotonic()
    model.train()
    for batch in source:
        done = progress(training.steps)
        if done >= 1:
            return
        rate = learning_rate(training.steps, done)
        training.add(batch, one_step(model, optimizer, batch, rate, training.bfloat16))
        training.seconds = time.monotonic() - start
        if training.steps % REPORT_EVERY == 0:
            print(training.line(), flush=True)


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The model before training, its weights drawn from torch's current seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.HIDDEN,
            intermediate_size=recipe.FEED_FORWARD,
            num_hidden_layers=recipe.LAYERS,
            num_attention_heads=recipe.HEADS,
            num_key_value_heads=recipe.KV_HEADS,
            head_dim=recipe.HEAD_DIMENSION,
            max_position_embeddings=recipe.CONTEXT,
            tie_word_embeddings=True,
            rope_theta=recipe.ROPE_THETA,
            rms_norm_eps=recipe.RMS_NORM_EPSILON,
            bos_token_id=tokenizer.convert_tokens_to_ids(recipe.END_OF_TEXT),
            eos_token_id=tokenizer.convert_tokens_to_ids(recipe.END_OF_MESSAGE),
            pad_token_id=tokenizer.convert_tokens_to_ids(recipe.END_OF_TEXT),
            attn_implementation="sdpa",
        )
    )


def one_step(model: LlamaForCausalLM, optimizer: torch.optim.AdamW, batch: Batch, rate: float, bfloat16: bool) -> float:
    """Learn from one batch; returns the cross entropy of its answer tokens in nats."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = rate
    labels, in_answer = batch.labels[:, 1:], batch.in_answer[:, 1:]
    learned = in_answer | ((labels >= 0) & (torch.rand(labels.shape) < QUESTION_TOKENS))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
        hidden = model.model(input_ids=batch.ids).last_hidden_state[:, :-1]
        logits = model.lm_head(hidden[learned])
    entropy = torch.nn.functional.cross_entropy(logits.float(), labels[learned], reduction="none")
    weights = torch.where(in_answer[learned], 1.0, QUESTION_WEIGHT)
    loss = (entropy * weights).sum() / weights.sum()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(entropy[in_answer[learned]].mean())


def save(out: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write `out`/hf/ in float16, readable by everyone as files of a package are."""
    import torch

    folder = out / "hf"
    tokenizer.save_pretrained(folder)
    model = model.to(torch.float16)
    # A chat ends with its message; a text that was never a chat ends with the other one.
    model.generation_config.eos_token_id = [model.config.eos_token_id, model.config.bos_token_id]
    model.generation_config.pad_token_id = model.config.pad_token_id
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "model.safetensors").chmod(0o644)  # transformers writes it for the owner alone
