"""The shape of a model from its Hugging Face `config.json`. Only figures are read; a model's own code is never run."""

from __future__ import annotations

from llmdeploy.sizing.config.read import architecture_of_config, known_family

__all__ = ["architecture_of_config", "known_family"]
