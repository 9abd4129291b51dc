"""Whole figures by name, whatever a family calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmdeploy.errors import StepError

LARGEST_FIGURE: Final = 1 << 32
MOST_LAYERS: Final = 4096  # ten times the deepest model; layers are looked at one by one

# The usual name -> what older or odd families call it.
OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers"),
    "hidden_size": ("n_embd", "d_model", "n_embed"),
    "num_attention_heads": ("n_head", "n_heads"),
    "num_key_value_heads": ("num_kv_heads", "multi_query_group_num", "n_head_kv", "num_query_groups"),
    "intermediate_size": ("n_inner", "ffn_dim", "ffn_hidden_size", "ff_intermediate_size"),
    "max_position_embeddings": (
        "n_positions",
        "seq_length",
        "max_seq_len",
        "n_ctx",
        "max_sequence_length",
        "model_max_length",
    ),
    "vocab_size": ("padded_vocab_size",),
    "head_dim": ("kv_channels", "attention_head_dim", "head_size"),
    "num_experts": ("n_routed_experts", "num_local_experts", "moe_num_experts", "ffn_num_experts"),
    "num_experts_per_tok": ("num_experts_per_token", "moe_topk", "moe_k", "num_selected_experts", "top_k_experts"),
    "moe_intermediate_size": ("expert_ffn_hidden_size",),
    "n_shared_experts": ("num_shared_experts", "moe_num_shared_experts", "num_shared_expert"),
    "first_k_dense_replace": ("moe_layer_start_index", "num_dense_layers"),
}


class Figures:
    """Positive whole figures by their usual name; a list of one figure per layer counts as its largest."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def get(self, key: str, otherwise: int) -> int:
        value = self._value(key)
        return self._checked(key, value) if value else otherwise

    def need(self, key: str) -> int:
        value = self._value(key)
        if value is None:
            raise StepError(f"the model does not say {key}", "take another conversion of the model")
        return self._checked(key, value)

    def number(self, key: str, otherwise: float) -> float:
        """A positive number, whole or not."""
        value = self.values.get(key)
        if not value:
            return otherwise
        if type(value) not in (int, float) or not 0 < value < LARGEST_FIGURE:
            raise StepError(f"{key}: {value!a:.80} is not a positive number", "the file is damaged")
        return float(value)

    def layers(self) -> int:
        """The number of layers."""
        layers = self.need("num_hidden_layers")
        if layers > MOST_LAYERS:
            raise StepError(f"num_hidden_layers: {layers:,} are more than any model has", "the file is damaged")
        return layers

    def flag(self, key: str, otherwise: bool) -> bool:
        value = self.values.get(key)
        return otherwise if value is None else bool(value)

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def names(self, key: str) -> tuple[Any, ...]:
        """A list of one word, flag or number per layer; empty where there is none."""
        value = self.values.get(key)
        return tuple(value) if isinstance(value, list | tuple) else ()

    def section(self, key: str) -> Mapping[str, Any] | None:
        return section_of(self.values.get(key)) or None

    def _value(self, key: str) -> Any:
        for name in (key, *OTHER_NAMES.get(key, ())):
            if self.values.get(name) is not None:
                return self.values[name]
        return None

    def _checked(self, key: str, value: object) -> int:
        figure = max(value, default=0) if isinstance(value, list | tuple) and _whole(value) else value
        if type(figure) is not int or not 0 < figure < LARGEST_FIGURE:
            raise StepError(f"{key}: {value!a:.80} is not a positive whole number", "the file is damaged")
        return figure


def section_of(value: object) -> Mapping[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _whole(values: list[Any] | tuple[Any, ...]) -> bool:
    return all(type(value) is int for value in values)
