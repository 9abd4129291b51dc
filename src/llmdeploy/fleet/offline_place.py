"""Where a bundle lies, here and on a host, and how apt is told."""

from __future__ import annotations

import shutil
from pathlib import Path

from llmdeploy.deployment import Deployment

APT_CONFIG = "/var/lib/llmdeploy/packages/apt.conf"


def unpacked(deployment: Deployment) -> Path:
    """On this machine; there while the deployment works from a bundle."""
    return deployment.state.path / "bundle"


def forget_bundle(deployment: Deployment) -> None:
    """Work from the network from now on."""
    shutil.rmtree(unpacked(deployment), ignore_errors=True)


def variables(deployment: Deployment) -> dict[str, object]:
    """For the playbooks: with a bundle, apt knows no source but the bundle's packages while they run."""
    return {"llmdeploy_environment": {"APT_CONFIG": APT_CONFIG}} if unpacked(deployment).exists() else {}
