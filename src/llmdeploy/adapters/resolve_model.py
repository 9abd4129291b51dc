"""From what the user wrote to exact weights: a bundled model, a short name, a path, or a repository of the hub."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy.deployment import Deployment
from llmdeploy.errors import Problem, SpecError
from llmdeploy.plan import ModelRef
from llmdeploy.sizing.architecture import Architecture, architecture_of_config, architecture_of_gguf
from llmdeploy.sizing.catalogue import CatalogueRow, resolve, suggest
from llmdeploy.sizing.gguf import read_gguf

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


def resolve_model(choice: ModelChoice, deployment: Deployment) -> FoundModel:
    """Find the model without downloading it. Raises SpecError for a name that nothing answers to, MissingError where
    the hub cannot be reached or refuses."""
    row = resolve(choice.id)
    if row and not row.repository:
        return _bundled(choice.id)
    if row:
        return _from_catalogue(choice, row, deployment)
    path = (deployment.environment.cwd / Path(choice.id).expanduser()).absolute()
    if path.exists():
        return _from_path(choice.id, path)
    if choice.id.count("/") == 1 and not choice.id.startswith((".", "/", "~")):
        return _from_hub(choice, choice.id, choice.revision, choice.file, deployment)
    near = suggest(choice.id)
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
    if path.is_file():
        ref = ModelRef(name, "path", str(path), "gguf", path.stat().st_size, file=path.name)
        return FoundModel(ref, _gguf_architecture(path), str(path))
    config, weights = path / "config.json", sorted(path.glob("*.safetensors"))
    if not config.is_file() or not weights:
        raise SpecError(
            [
                Problem(
                    "model.id", f"{path} holds no safetensors with a config.json", "name a .gguf file or such a folder"
                )
            ],
            "spec",
        )
    size = sum(file.stat().st_size for file in weights)
    architecture = architecture_of_config(json.loads(config.read_text(encoding="utf-8")), size)
    return FoundModel(ModelRef(name, "path", str(path), "safetensors", size), architecture, str(path))


def _gguf_architecture(path: Path) -> Architecture:
    with path.open("rb") as stream:
        return architecture_of_gguf(read_gguf(stream, path.stat().st_size))


def _from_catalogue(choice: ModelChoice, row: CatalogueRow, deployment: Deployment) -> FoundModel:
    """A short name: pinned by the catalogue's revision or hash, unless the spec names another file or revision."""
    if choice.revision or choice.file or choice.quantization not in ("auto", row.quantization.lower()):
        return _from_hub(choice, row.repository, choice.revision or row.revision, choice.file, deployment)
    return _from_hub(choice, row.repository, row.revision, row.file, deployment, row)


def _from_hub(
    choice: ModelChoice,
    repository: str,
    revision: str,
    file: str,
    deployment: Deployment,
    row: CatalogueRow | None = None,
) -> FoundModel:
    """One look at the hub for the commit and the files; the header is read by ranges where the catalogue has no row."""
    from llmdeploy.adapters.hub import choose_file, lookup, open_remote

    endpoint, token = deployment.environment.variables.get("HF_ENDPOINT", ""), deployment.hub_token
    pinned = revision or _pinned_before(repository, deployment)
    model = lookup(repository, pinned, token, endpoint)
    name, kind, size = choose_file(model, choice.quantization, file)
    sha256 = row.sha256 if row else next((one.sha256 for one in model.files if one.name == name), "")
    ref = ModelRef(choice.id, "hub", repository, kind, size, model.revision, name if kind == "gguf" else "", sha256)
    with open_remote(repository, model.revision, name if kind == "gguf" else "config.json", token, endpoint) as stream:
        if kind == "gguf":
            architecture = architecture_of_gguf(read_gguf(stream, size))
        else:
            architecture = architecture_of_config(json.loads(stream.read()), size)
    pin = f"revision {model.revision[:12]}" + ("" if revision else ", pinned now: the spec names none")
    return FoundModel(
        ref,
        architecture,
        f"{repository} at {model.revision[:12]}",
        (f"model {choice.id}: {repository}, {pin}",),
    )


def _pinned_before(repository: str, deployment: Deployment) -> str:
    """The commit that this deployment took last, so that a moving branch does not move a running service."""
    plan = deployment.state.load_plan()
    return plan.model.revision if plan and plan.model.location == repository else ""
