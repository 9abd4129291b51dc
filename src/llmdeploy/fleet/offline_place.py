"""Where the packages of a bundle lie on a host, and how apt is told."""

from __future__ import annotations

from llmdeploy.deployment import Deployment

APT_CONFIG = "/var/lib/llmdeploy/packages/apt.conf"


def variables(deployment: Deployment) -> dict[str, object]:
    """For the playbooks: with a bundle, apt knows no source but the bundle's packages while they run."""
    there = (deployment.state.path / "bundle").exists()
    return {"llmdeploy_environment": {"APT_CONFIG": APT_CONFIG}} if there else {}
