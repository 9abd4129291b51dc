"""Setup and deploy in reverse, and a look at what is left."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.run import Run
from llmdeploy.targets import Target


def down(target: Target, deployment: Deployment, run: Run) -> None:
    with run.step("down") as recorder:
        target.down(deployment, recorder)
