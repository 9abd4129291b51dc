"""The shape of a model by name: from the catalogue, a file or folder, or the hub. Nothing is downloaded but figures."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from llmdeploy.environment import Environment
from llmdeploy.errors import StepError, UsageError
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import Named, find_model, similar_models
from llmdeploy.sizing.config import architecture_of_config, known_family
from llmdeploy.sizing.gguf import read_gguf
from llmdeploy.sizing.gguf_shape import architecture_of_gguf
from llmdeploy.sizing.quantization import QUANTIZATIONS, Quantization, published_quantization, quantization


@dataclass(frozen=True)
class Shaped:
    """A shape, how its weights are published, where that is known from, and what a reader should know about it."""

    architecture: Architecture
    published: Quantization
    origin: str
    notes: tuple[str, ...] = ()


def shape_of(name: str, environment: Environment) -> Shaped:
    """Raises UsageError for a name that nothing answers to, MissingError where the hub cannot be reached."""
    path = (environment.cwd / Path(name).expanduser()).absolute()
    if path.exists():
        return _of_path(path)
    named = find_model(name)
    if named:
        return _of_catalogue(name, named)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _of_hub(name, environment)
    near = similar_models(name)
    hint = f"did you mean {' or '.join(near)}?" if near else "`llmdeploy catalogue models` lists the short names"
    raise UsageError(f"--model: {name} is no short name, no path that exists and no repository (owner/name)", hint)


def _of_catalogue(name: str, named: Named) -> Shaped:
    row = named.model
    published = named.quantization or row.published
    looked_like = f"{name} is not in the catalogue: sized as {row.title} in {published.name}, by its name"
    return Shaped(row.architecture, published, f"catalogue: {row.name}", (looked_like,) if named.guessed else ())


def _of_path(path: Path) -> Shaped:
    if path.is_dir():
        config = path / "config.json"
        if not config.is_file():
            raise UsageError(f"--model: {path} holds no config.json", "name a folder with one, or a GGUF file")
        return _of_config(config.read_bytes(), str(config))
    with path.open("rb") as stream:
        try:
            architecture = architecture_of_gguf(read_gguf(stream, path.stat().st_size))
        except StepError as error:
            raise StepError(f"{path}: {error.message}", error.hint) from error
    stored = quantization(architecture.quantization) or QUANTIZATIONS["q8_0"]
    return Shaped(architecture, replace(stored, gguf=True), str(path))


def _of_hub(name: str, environment: Environment) -> Shaped:
    from llmdeploy.adapters.hub import lookup, open_remote
    from llmdeploy.deployment import deployment

    place = deployment("size", environment)
    model = lookup(name, "", place.hub_token, place.hub_endpoint)
    with open_remote(name, model.revision, "config.json", place.hub_token, place.hub_endpoint) as stream:
        text = stream.read()
    return _of_config(text, f"{name} at {model.revision[:12]}")


def _of_config(text: bytes, origin: str) -> Shaped:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise StepError(f"{origin}: the config.json is not JSON ({error})", "take another copy of the model") from None
    if not isinstance(config, dict):
        raise StepError(f"{origin}: the config.json holds no object", "take another copy of the model")
    kind = str(config.get("model_type", "?"))
    unknown = f"the family {kind} is not known here: sized as a Llama-shaped decoder"
    notes = () if known_family(config) else (unknown,)
    try:
        return Shaped(architecture_of_config(config), published_quantization(config), origin, notes)
    except StepError as error:
        raise StepError(f"{origin}: {error.message}", error.hint) from error
