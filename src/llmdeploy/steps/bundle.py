"""A bundle for hosts without a network."""

from __future__ import annotations

from pathlib import Path

from llmdeploy.deployment import Deployment
from llmdeploy.plan import Plan
from llmdeploy.run import Run


def bundle(plan: Plan, deployment: Deployment, run: Run, target: Path, ask: tuple[str, ...]) -> None:
    from llmdeploy.fleet.bundling import make_bundle

    with run.step("bundle") as recorder:
        make_bundle(plan, deployment, recorder, target, ask)


def release(plan: Plan, deployment: Deployment, run: Run, folder: Path) -> None:
    from llmdeploy.fleet.releasing import make_release

    with run.step("release") as recorder:
        make_release(plan, deployment, recorder, folder)


def use_bundle(source: Path | None, deployment: Deployment, run: Run) -> None:
    """Work from a bundle from now on; without one, no longer."""
    from llmdeploy.fleet.offline_place import forget_bundle

    if source is None:
        forget_bundle(deployment)
        return
    from llmdeploy.fleet.offline import open_bundle  # after it: what hosts need is not loaded for this machine

    with run.step("bundle") as recorder:
        open_bundle(source, deployment, recorder)
