"""Writes the trained model as one GGUF file, in 8 bits a weight (Q8_0).

Keys and layout follow the GGUF specification and what llama.cpp reads for its `llama` architecture.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.demo_model import recipe

if TYPE_CHECKING:
    import numpy as np
    from gguf import GGUFWriter
    from numpy.typing import NDArray

FILE_NAME = f"{recipe.NAME}-Q8_0.gguf"


def export(out: Path) -> Path:
    """Read `out`/hf/ and write the GGUF file beside it; returns its path."""
    import gguf

    folder = out / "hf"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    path = out / FILE_NAME
    writer = gguf.GGUFWriter(str(path), "llama")
    add_shape(writer, config)
    add_tokenizer(writer, config, tokenizer)
    add_weights(writer, folder / "model.safetensors", config)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add_shape(writer: GGUFWriter, config: dict[str, Any]) -> None:
    import gguf

    writer.add_name(recipe.NAME)
    writer.add_description("Tiny demo chat model, trained from scratch on a synthetic corpus")
    writer.add_license("apache-2.0")
    writer.add_context_length(recipe.CONTEXT)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(recipe.ROPE_THETA)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def add_tokenizer(writer: GGUFWriter, config: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    import gguf

    text_of = {token_id: text for text, token_id in tokenizer["model"]["vocab"].items()}
    control = {token["id"] for token in tokenizer["added_tokens"]}
    kinds = (gguf.TokenType.CONTROL, gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([text_of[token_id] for token_id in range(len(text_of))])
    writer.add_token_types([kinds[token_id not in control] for token_id in range(len(text_of))])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(recipe.CHAT_TEMPLATE)


def add_weights(writer: GGUFWriter, path: Path, config: dict[str, Any]) -> None:
    """Matrices in Q8_0, vectors (the norms) in float32."""
    import gguf
    import numpy as np
    from safetensors.numpy import load_file

    q8_0 = gguf.GGMLQuantizationType.Q8_0
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    heads_of = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, stored in load_file(path).items():
        if name == "lm_head.weight":
            continue  # tied: the output uses the embedding
        weights = stored.astype(np.float32)
        heads = heads_of.get(name.split(".")[-2])
        weights = interleaved(weights, heads) if heads else weights
        written_as = names.get_name(name, try_suffixes=(".weight",))
        if written_as is None:
            raise ValueError(f"{name} has no place in a GGUF file of a Llama model")
        if weights.ndim == 1:
            writer.add_tensor(written_as, weights)
        else:
            writer.add_tensor(written_as, gguf.quants.quantize(weights, q8_0), raw_dtype=q8_0)


def interleaved(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Reorder the rows of a query or key matrix for llama.cpp.

    Transformers rotates row i of a head together with row i + half (halves side by side), llama.cpp rotates
    neighbours.
    """
    rows, columns = weights.shape
    by_half = weights.reshape(heads, 2, rows // heads // 2, columns)
    return by_half.swapaxes(1, 2).reshape(rows, columns)
