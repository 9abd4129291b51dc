"""From what the user wrote to exact weights: a bundled model, a short name, a path, or a repository of the hub."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from llmdeploy.adapters.weights.from_hub import stored
from llmdeploy.deployment import Deployment
from llmdeploy.errors import Problem, SpecError, StepError
from llmdeploy.plan import ModelFormat, ModelRef
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.sizing.catalogue.models import GgufFile, Model, short_name, similar_models
from llmdeploy.sizing.config import architecture_of_config
from llmdeploy.sizing.gguf import read_gguf
from llmdeploy.sizing.gguf_shape import architecture_of_gguf

if TYPE_CHECKING:
    from llmdeploy.spec import ModelChoice

BUNDLED = Path(__file__).parent.parent / "models"


@dataclass(frozen=True)
class FoundModel:
    """The weights and their architecture; `origin` says in a few words where they come from."""

    ref: ModelRef
    architecture: Architecture
    origin: str
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def resolve_model(choice: ModelChoice, deployment: Deployment, kind: ModelFormat | None = None) -> FoundModel:
    """Find the model without downloading it. Raises SpecError for a name that nothing answers to, MissingError where
    the hub cannot be reached or refuses. `kind` asks for a format where a repository has several."""
    row = short_name(choice.id)
    if row and row.bundled:
        return _bundled(row.name)
    if row:
        return _from_catalogue(choice, row, deployment, kind)
    path = (deployment.environment.cwd / Path(choice.id).expanduser()).absolute()
    if path.exists():
        return _from_path(choice.id, path)
    if choice.id.count("/") == 1 and not choice.id.startswith((".", "/", "~")):
        return _from_hub(choice, choice.id, choice.revision, choice.file, deployment, kind)
    near = similar_models(choice.id)
    raise SpecError(
        [
            Problem(
                "model.id",
                f"{choice.id} is no short name, no path that exists and no repository (owner/name)",
                f"did you mean {' or '.join(near)}?" if near else "`llmdeploy catalogue models` lists the short names",
            )
        ],
        "spec",
    )


def golden_file(asked: str, model: ModelRef, folder: Path) -> Path | None:
    """The golden prompts to use: the spec's own (relative to `folder`), else what comes with a bundled model."""
    if asked:
        path = folder / asked
        if not path.is_file():
            raise SpecError(
                [Problem("test.golden", f"{path} is not a file", "name a YAML file with golden prompts")],
                "spec",
            )
        return path
    if model.source == "bundled":
        return Path(model.location).parent / "golden.yaml"
    return None


def _bundled(name: str) -> FoundModel:
    card = json.loads((BUNDLED / name / "model.json").read_text(encoding="utf-8"))
    path = BUNDLED / name / card["file"]
    ref = ModelRef(name, "bundled", str(path), "gguf", path.stat().st_size, file=path.name, sha256=card["sha256"])
    return FoundModel(ref, _gguf_architecture(path), "comes with llmdeploy", ("model demo: works offline, in seconds",))


def _from_path(name: str, path: Path) -> FoundModel:
    """A GGUF file, a folder with one, or a folder with safetensors."""
    ggufs = [path] if path.is_file() else sorted(path.glob("*.gguf"))
    weights = [] if path.is_file() else sorted(path.glob("*.safetensors"))
    if len(ggufs) == 1 and not weights:
        ref = ModelRef(name, "path", str(ggufs[0]), "gguf", ggufs[0].stat().st_size, file=ggufs[0].name)
        return FoundModel(ref, _gguf_architecture(ggufs[0]), str(ggufs[0]))
    config = path / "config.json"
    if not weights or not config.is_file():
        found = f"{len(ggufs)} GGUF files" if ggufs else "no GGUF file, and no safetensors with a config.json"
        raise SpecError(
            [Problem("model.id", f"{path} holds {found}", "name one .gguf file, or a whole folder")], "spec"
        )
    size = sum(file.stat().st_size for file in weights)
    architecture = architecture_of_config(json.loads(config.read_text(encoding="utf-8")), size)
    return FoundModel(ModelRef(name, "path", str(path), "safetensors", size), architecture, str(path))


def _gguf_architecture(path: Path) -> Architecture:
    with path.open("rb") as stream:
        return _header_architecture(stream, path.stat().st_size, str(path))


def _header_architecture(stream: BinaryIO, size: int, name: str) -> Architecture:
    try:
        return architecture_of_gguf(read_gguf(stream, size))
    except StepError as error:
        raise StepError(f"{name}: {error.message}", error.hint) from error


def _from_catalogue(choice: ModelChoice, row: Model, deployment: Deployment, kind: ModelFormat | None) -> FoundModel:
    """A short name, as the catalogue pins it: no network is needed to plan. Another file or revision asks the hub, and
    so does a model of which no GGUF file is known."""
    file = _known_file(choice, row)
    if file is None or kind == "safetensors":
        return _from_hub(choice, row.repository, choice.revision, choice.file, deployment, kind)
    other = choice.revision or choice.file or choice.quantization not in ("auto", file.quantization.lower())
    if other or not file.revision:
        name = choice.file or ("" if other else file.file)
        found = _from_hub(choice, file.repository, choice.revision or file.revision, name, deployment, kind)
        if file.sha256 and found.ref.file == file.file and not choice.revision:
            return replace(found, ref=replace(found.ref, sha256=file.sha256))
        return found
    ref = ModelRef(
        choice.id, "hub", file.repository, "gguf", file.size_bytes, file.revision, file.file, file.sha256
    )  # fmt: skip
    why = f"model {choice.id}: {row.title}, {file.repository} at {file.revision[:12]}, {row.license}"
    return FoundModel(ref, row.stored(file), f"{file.repository} at {file.revision[:12]}", (why,))


def _known_file(choice: ModelChoice, row: Model) -> GgufFile | None:
    """The file of the quantization that is asked for, else the first."""
    asked = [file for file in row.files if file.quantization.lower() == choice.quantization]
    return next(iter(asked or row.files), None)


def _from_hub(
    choice: ModelChoice, repository: str, revision: str, file: str, deployment: Deployment, kind: ModelFormat | None
) -> FoundModel:
    """A repository: from the store where this deployment has fetched it before, else one look at the hub."""
    before = _fetched_before(choice, repository, deployment)
    return before or _looked_up(choice, repository, revision, file, deployment, kind)


def _fetched_before(choice: ModelChoice, repository: str, deployment: Deployment) -> FoundModel | None:
    """What the last plan took for the same words of the spec, so that a moving branch does not move a running service
    and a second run needs no network."""
    asked = choice.model_dump(mode="json")
    plans = (one for one in deployment.state.known_plans() if one.spec.get("model") == asked)
    plan = next((one for one in plans if one.model.location == repository), None)
    path = stored(plan.model, deployment.models) if plan else None
    if plan is None or path is None:
        return None
    why = f"model {choice.id}: {repository} at {plan.model.revision[:12]}, fetched before"
    if plan.model.format == "gguf":
        architecture = _gguf_architecture(path)
    else:
        architecture = architecture_of_config(json.loads((path / "config.json").read_text()), plan.model.size_bytes)
    return FoundModel(plan.model, architecture, "fetched before", (why,))


def _looked_up(
    choice: ModelChoice, repository: str, revision: str, file: str, deployment: Deployment, wanted: ModelFormat | None
) -> FoundModel:
    """Commit and files from the hub; the header is read by ranges, so that nothing is downloaded to plan."""
    from llmdeploy.adapters.hub import choose_file, lookup, open_remote

    endpoint, token = deployment.hub_endpoint, deployment.hub_token
    model = lookup(repository, revision, token, endpoint)
    name, kind, size = choose_file(model, choice.quantization, file, wanted)
    sha256 = next((one.sha256 for one in model.files if one.name == name), "") if kind == "gguf" else ""
    file = name if kind == "gguf" else ""
    ref = ModelRef(choice.id, "hub", repository, kind, size, model.revision, file, sha256)
    with open_remote(repository, model.revision, file or "config.json", token, endpoint) as stream:
        if kind == "gguf":
            architecture = _header_architecture(stream, size, f"{repository}: {file}")
        else:
            architecture = architecture_of_config(json.loads(stream.read()), size)
    pin = "" if revision else "; pinned now, because the spec names no revision"
    why = f"model {choice.id}: {repository} at {model.revision[:12]}{pin}"
    return FoundModel(ref, architecture, f"{repository} at {model.revision[:12]}", (why,))
