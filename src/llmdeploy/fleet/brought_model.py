"""The model as it travels to hosts: all its files, by their sha256."""

from __future__ import annotations

from pathlib import Path

from llmdeploy.adapters.weights import fetch
from llmdeploy.artifact import Artifact, artifact_of
from llmdeploy.deployment import Deployment
from llmdeploy.plan import ModelRef, Plan, Weights
from llmdeploy.run import Recorder


def model_artifact(plan: Plan, deployment: Deployment, recorder: Recorder) -> Artifact:
    """The weights on this machine, verified."""
    return artifact_of_weights(plan.model, deployment, recorder)


def artifact_of_weights(ref: ModelRef, deployment: Deployment, recorder: Recorder) -> Artifact:
    weights = fetch(ref, deployment.models, recorder.progress, deployment.hub_token, deployment.hub_endpoint)
    return artifact_of(*travelling(weights))


def travelling(weights: Weights) -> tuple[dict[str, Path], dict[str, str]]:
    """Every file that goes to hosts by its name there, and the sha256 that are known.

    That is all parts of a GGUF, or the whole folder.
    """
    if not weights.path.is_file():
        return {name: weights.path / name for name in _all_files(weights.path)}, weights.sha256
    known = {Path(name).name: sha256 for name, sha256 in weights.sha256.items()}
    parts = {name: weights.path.parent / name for name in known}
    return {weights.path.name: weights.path, **parts}, known


def _all_files(folder: Path) -> list[str]:
    """Weights, and what stands beside them: configuration and tokenizer."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return [path.relative_to(folder).as_posix() for path in files]
