"""Which files of a repository are the weights. No network here."""

from __future__ import annotations

import re

from llmdeploy.adapters.hub.model import HubFile, HubModel
from llmdeploy.adapters.hub.refusals import listed, no_such_file
from llmdeploy.adapters.weight_names import is_refused, safetensors_names, shard_names, tokenizer_names
from llmdeploy.errors import MissingError
from llmdeploy.plan import ModelFormat

PREFERENCE = (
    "q4_k_m", "q5_k_m", "q4_0", "q8_0", "q6_k", "q5_k_s", "q4_k_s", "q5_0", "iq4_xs", "iq4_nl",
    "q4_1", "q5_1", "q4_k_l", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k", "bf16", "f16", "fp16", "f32",
)  # fmt: skip
"""What `auto` takes, best first: 4 bits lose little and halve the memory traffic of 8; below 4 the loss grows fast
(perplexities in llama.cpp's quantize README)."""

TAG = re.compile(r"(?:^|[-._/])((?:ud-)?(?:i?q\d(?:_[0-9a-z]+)*|mxfp4(?:_moe)?|bf16|fp?16|fp?32))(?=[-.]|$)")
NOT_A_MODEL = re.compile(r"(?:^|[-._/])(?:mmproj|imatrix|vocab)(?=[-._])")
"""GGUF files that are no language model: vision projectors, importance matrices, tokenizers."""


def choose_file(
    model: HubModel, quantization: str = "auto", file: str = "", kind: ModelFormat | None = None
) -> tuple[str, ModelFormat, int]:
    """The weights to take: file name (the first part of a split one; empty for safetensors), format, bytes of weights.

    `file` names a GGUF exactly. Otherwise `quantization` does (`q4_k_m`, any case), or `auto` takes the first of
    `PREFERENCE`. A repository with GGUF files is taken as GGUF unless `kind` says safetensors. Raises MissingError
    that lists what is there.
    """
    if file:
        return _named(model, file)
    ggufs = _gguf_by_tag(model)
    if kind != "safetensors" and ggufs:
        return _gguf(model, _by_quantization(model, ggufs, quantization.lower()))
    names = safetensors_names([one.name for one in model.files])
    if kind == "gguf" or not names:
        raise _no_weights(model, kind)
    if TAG.fullmatch(quantization.lower()) and re.match(r"(?:ud-)?i?q\d", quantization.lower()):
        hint = "leave the quantization out, or name a repository of GGUF files (their names often end in -GGUF)"
        raise MissingError(f"{model.repository} has no {quantization}: it holds safetensors only", hint)
    return "", "safetensors", sum(one.size for one in model.files if one.name in names)


def wanted_files(model: HubModel, kind: ModelFormat, file: str) -> tuple[HubFile, ...]:
    """Every file to fetch: all parts of the GGUF `file`, or configuration and tokenizer, then the safetensors."""
    names = [one.name for one in model.files]
    if kind == "gguf":
        _named(model, file)
        chosen = _parts(model, file)
    else:
        weights = safetensors_names(names)
        if not weights:
            raise _no_weights(model, kind)
        chosen = [*tokenizer_names(names), *weights]
    by_name = {one.name: one for one in model.files}
    return tuple(by_name[name] for name in chosen)


def _named(model: HubModel, file: str) -> tuple[str, ModelFormat, int]:
    if is_refused(file):
        hint = "weights that can hold code are never loaded; choose a GGUF or a repository with safetensors"
        raise MissingError(f"{model.repository}: {file} is not safetensors or GGUF", hint)
    if not file.lower().endswith(".gguf"):
        raise MissingError(f"{model.repository}: {file} is not a GGUF file", "leave the file out for safetensors")
    if model.file(file) is None:
        raise no_such_file(file, [one.name for one in model.files if one.name.endswith(".gguf")], model.repository)
    return _gguf(model, file)


def _gguf(model: HubModel, file: str) -> tuple[str, ModelFormat, int]:
    parts = _parts(model, file)
    return parts[0], "gguf", sum(one.size for one in model.files if one.name in parts)


def _parts(model: HubModel, file: str) -> list[str]:
    parts = shard_names(file)
    missing = [part for part in parts if model.file(part) is None]
    if missing:
        raise MissingError(f"{model.repository}: {file} is split and {listed(missing)} is not there", "choose another")
    return parts


def _gguf_by_tag(model: HubModel) -> dict[str, list[str]]:
    """The GGUF models (first parts only) by quantization in small letters; no tag: the empty text."""
    found: dict[str, list[str]] = {}
    for name in sorted(one.name for one in model.files):
        small = name.lower()
        if not small.endswith(".gguf") or NOT_A_MODEL.search(small) or shard_names(name)[0] != name:
            continue
        tags = TAG.findall(small.rpartition("/")[2]) or TAG.findall(small)
        found.setdefault(tags[-1] if tags else "", []).append(name)
    return found


def _by_quantization(model: HubModel, ggufs: dict[str, list[str]], wanted: str) -> str:
    order = PREFERENCE if wanted == "auto" else (wanted, f"ud-{wanted}")
    tag = next((tag for tag in order if tag in ggufs), "")
    everything = [name for group in ggufs.values() for name in group]
    names = ggufs[tag] if tag else []
    if wanted == "auto" and len(everything) == 1:
        names = everything
    if len(names) == 1:
        return names[0]
    if names:
        raise MissingError(f"{model.repository}: several files are {tag}: {listed(names)}", "name one by its file")
    what = "no quantization that is known" if wanted == "auto" else f"no {wanted} file"
    known = [tag for tag in ggufs if tag]
    hint = f"there is {listed(known)}" if known else f"name one by its file; there is {listed(everything)}"
    raise MissingError(f"{model.repository} has {what}", hint)


def _no_weights(model: HubModel, kind: ModelFormat | None) -> MissingError:
    names = [one.name for one in model.files]
    refused = [name for name in names if is_refused(name) and not name.endswith(".py")]
    wanted = {"gguf": "GGUF", "safetensors": "safetensors", None: "safetensors or GGUF"}[kind]
    if refused:
        hint = f"{listed(refused)} can hold code and is never loaded; look for a conversion of the model"
        return MissingError(f"{model.repository} has no {wanted} weights", hint)
    return MissingError(f"{model.repository} has no {wanted} weights", f"there is {listed(names)}")
