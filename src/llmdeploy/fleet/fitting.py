"""The quantization that fits the boxes: the largest file of the model that the smallest box can serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llmdeploy.adapters.resolve_model import FoundModel, resolve_model
from llmdeploy.deployment import Deployment
from llmdeploy.fleet.record import Member
from llmdeploy.fleet.sizing import Share, size_host
from llmdeploy.run import Recorder
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import GgufFile, Model, short_name

if TYPE_CHECKING:
    from llmdeploy.spec import Spec


def best_fit(
    spec: Spec, found: FoundModel, boxes: Mapping[str, Member], deployment: Deployment, recorder: Recorder
) -> FoundModel:
    """The model in the largest of the catalogue's files that fits every box; as found where the user chose, where
    there is no choice, or where none fits (sizing then says why)."""
    row = short_name(spec.model.id)
    chosen = spec.model.quantization != "auto" or spec.model.file or spec.model.revision
    if row is None or chosen or found.ref.format != "gguf" or len(row.files) < 2:
        return found
    with recorder.entry("quantization") as entry:
        file = _largest(row, spec, boxes)
        if file is None:
            entry.warn("no file of the catalogue fits every box", "name a smaller model, or leave the smallest box out")
            return found
        entry.detail = f"{file.quantization}: the largest that fits the smallest of {len(boxes)} boxes"
        choice = spec.model.model_copy(update={"quantization": file.quantization.lower()})
        return resolve_model(choice, deployment)


def _largest(row: Model, spec: Spec, boxes: Mapping[str, Member]) -> GgufFile | None:
    """More bytes for the same model are a finer quantization."""
    files = sorted(row.files, key=lambda file: file.size_bytes, reverse=True)
    return next((file for file in files if _fits(row.stored(file), spec, boxes)), None)


def _fits(architecture: Architecture, spec: Spec, boxes: Mapping[str, Member]) -> bool:
    share = Share(spec.workload.concurrency, spec, "llamacpp", architecture)
    parts = [size_host(box.host, box.facts, share) for box in boxes.values() if box.facts]
    return bool(parts) and not any(isinstance(part, str) for part in parts)
