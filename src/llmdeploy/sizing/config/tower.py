"""What a model reads pictures with: counted, because it is loaded; not sized any further.

A vision transformer of `layers` x (4 x width^2 + 2 or 3 x width x FFN), its patches, and the projector into the text
model. Within a few percent of the tower, which is 0.4 to 10 % of the model (tests/sizing/published/parameters.json).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmdeploy.sizing.config.figures import Figures

GEMMA4_AUDIO = 305_000_000  # model card of Gemma 4 E2B and E4B: "about 300M"
MLLAMA_TILES = 9 * 4  # aspect ratios x tiles, each with learned positions
GATED = ("pixtral", "qwen2_5_vl", "gemma4_vision")


def tower_parameters(config: Mapping[str, Any], hidden: int) -> int:
    """Parameters of the vision tower and its projector; 0 for a model of text alone."""
    section = config.get("vision_config")
    if not isinstance(section, Mapping) or not section:
        return 0
    figures = Figures(section)
    kind = str(section.get("model_type") or config.get("model_type") or "")
    width = figures.get("hidden_size", figures.get("embed_dim", 0))
    if kind.startswith("qwen2_vl"):
        width = figures.get("embed_dim", width)
    layers = figures.get("num_hidden_layers", figures.get("depth", figures.get("num_global_layers", 0)))
    if not width or not layers:
        return 0
    layers += figures.get("num_global_layers", 0)
    wide = figures.get("intermediate_size", int(width * figures.number("mlp_ratio", 4)))
    gated = kind.startswith(GATED) or str(config.get("model_type")).startswith(("qwen2_5_vl", "mistral3"))
    matrices = 3 if gated else 2
    patch = figures.get("patch_size", 14)
    patches = 3 * patch * patch * width * figures.get("temporal_patch_size", 1)
    encoder = layers * (4 * width * width + matrices * width * wide)
    return encoder + patches + _projector(figures, config, width, hidden) + _audio(config)


def _audio(config: Mapping[str, Any]) -> int:
    section = config.get("audio_config")
    spoken = isinstance(section, Mapping) and section.get("model_type") == "gemma4_audio"
    return GEMMA4_AUDIO if spoken else 0


def _projector(figures: Figures, config: Mapping[str, Any], width: int, hidden: int) -> int:
    merge = Figures(config).get("spatial_merge_size", figures.get("spatial_merge_size", 1))
    merged = width * merge * merge
    kind = str(config.get("model_type"))
    if kind.startswith("qwen"):
        return (1 + len(figures.names("deepstack_visual_indexes"))) * (merged * merged + merged * hidden)
    if kind == "mllama":
        positions = (figures.get("image_size", 560) // figures.get("patch_size", 14)) ** 2 + 1
        return figures.get("vision_output_dim", 7680) * hidden + MLLAMA_TILES * positions * width
    if kind == "llama4":
        middle = figures.get("projector_output_dim", 4096)
        first = figures.get("projector_input_dim", middle) * figures.get("intermediate_size", 0)
        return first + middle * (middle + hidden)
    if kind == "mistral3":
        return merged * width + width * hidden + hidden * hidden
    return width * hidden
