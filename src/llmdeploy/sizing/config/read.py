"""config.json to an Architecture: families, layers, stored numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from llmdeploy.sizing.architecture import Architecture, Block
from llmdeploy.sizing.config import compressed, gemma
from llmdeploy.sizing.config.families import FAMILIES, UNKNOWN, Family
from llmdeploy.sizing.config.figures import Figures
from llmdeploy.sizing.config.layers import LayerKind, build, layer_kinds
from llmdeploy.sizing.config.nas import searched_blocks
from llmdeploy.sizing.config.tower import tower_parameters

VOCABULARY_IN_TEXT = ("text_config", "llm_config", "language_config", "thinker_config")


def architecture_of_config(config: Mapping[str, Any], weight_bytes: int = 0) -> Architecture:
    """The architecture that a Hugging Face `config.json` describes.

    `weight_bytes` is the size of the safetensors files, 0 where there are none. A family that is not known is read as a
    Llama-shaped decoder; `known_family` says whether it is. Raises StepError where a figure is missing or impossible.
    """
    text = _text_part(config)
    name = _family_name(text)
    family = FAMILIES.get(name, UNKNOWN)
    figures = Figures({**family.defaults, **text})
    hidden, vocabulary = figures.need("hidden_size"), figures.need("vocab_size")
    figures.need("num_attention_heads")
    if figures.names("block_configs"):
        blocks = searched_blocks(figures, family)
    elif name == compressed.NAME:
        blocks = compressed.compressed_blocks(figures, family)
    else:
        kinds = Counter(layer_kinds(name, family, figures))
        blocks = tuple(_block(count, kind, name, family, figures) for kind, count in kinds.items())
    embedding, position_count = _embedding(figures, family, hidden, vocabulary)
    looked_up, multiplied = gemma.per_layer_embedding(figures) if name in gemma.NAMES else (0, 0)
    tied = figures.flag("tie_word_embeddings", family.tied)
    return Architecture(
        family=name,
        hidden=hidden,
        vocabulary=vocabulary,
        context=max(figures.need("max_position_embeddings"), figures.get("model_max_length", 0)),
        blocks=blocks,
        embedding=embedding + looked_up,
        head=0 if tied else vocabulary * hidden + vocabulary * family.head_bias,
        vectors=hidden * (1 + family.norm_bias) * (family.final_norm + family.embedding_norm)
        + position_count
        + multiplied,
        tower=gemma.TOWERS.get(name, 0) or tower_parameters(config, hidden),
        quantization=stored_as(config),
        weight_bytes=weight_bytes,
    )


def known_family(config: Mapping[str, Any]) -> bool:
    """Whether this `model_type` is one whose layers are known, rather than taken for Llama's."""
    return _family_name(_text_part(config)) in FAMILIES


def stored_as(config: Mapping[str, Any]) -> str:
    """How the weights are stored: a quantization method, else the dtype."""
    text = _text_part(config)
    quantized = config.get("quantization_config") or text.get("quantization_config")
    if isinstance(quantized, Mapping) and isinstance(quantized.get("quant_method"), str):
        return str(quantized["quant_method"])
    both = (config.get("dtype"), config.get("torch_dtype"), text.get("dtype"), text.get("torch_dtype"))
    return str(next((one for one in both if one), "unknown"))


def _text_part(config: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of the language model, those of a multimodal wrapper under them."""
    for key in VOCABULARY_IN_TEXT:
        inner = config.get(key)
        if isinstance(inner, Mapping) and inner:
            return {**config, **_text_part(inner)}
    attention, feed_forward = config.get("attn_config"), config.get("ffn_config")
    if isinstance(attention, Mapping) and isinstance(feed_forward, Mapping):  # DBRX
        renamed = {
            "num_key_value_heads": attention.get("kv_n_heads"),
            "intermediate_size": feed_forward.get("ffn_hidden_size"),
            "num_experts": feed_forward.get("moe_num_experts"),
            "num_experts_per_tok": feed_forward.get("moe_top_k"),
        }
        return {**config, **{key: value for key, value in renamed.items() if value is not None}}
    return dict(config)


def _family_name(text: Mapping[str, Any]) -> str:
    return str(text.get("model_type", "unknown")).removesuffix("_model").removesuffix("_text")


def _embedding(figures: Figures, family: Family, hidden: int, vocabulary: int) -> tuple[int, int]:
    """Numbers in the token embedding, and in learned positions."""
    positions = 0
    if family.positions >= 0:
        positions = (figures.need("max_position_embeddings") + family.positions) * hidden
    narrow = figures.get("word_embed_proj_dim", hidden)  # OPT-350m
    project = 2 * narrow * hidden if narrow != hidden else 0
    return vocabulary * narrow + project, positions


def _block(count: int, kind: LayerKind, name: str, family: Family, figures: Figures) -> Block:
    attention, feed_forward = build(kind, name, family, figures)
    hidden = figures.need("hidden_size")
    norms = family.norms * hidden * (1 + family.norm_bias)
    if name == "falcon":
        norms = hidden * 2 * (2 if figures.flag("new_decoder_architecture", False) else 1)
    return Block(count, attention, feed_forward, norms)
