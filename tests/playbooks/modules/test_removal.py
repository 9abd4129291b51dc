"""What a removal may delete, whatever a role lists."""

from __future__ import annotations

import pytest


def allowed(path: str) -> bool:
    from ansible_collections.llmdeploy.host.plugins.module_utils.removal import allowed as of_the_collection

    return bool(of_the_collection(path))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/llmdeploy/demo/haproxy.cfg",
        "/etc/systemd/system/llmdeploy-demo-engine-0.service",
        "/opt/llmdeploy/runtimes/0a",
        "/run/llmdeploy-demo-metrics",
        "/var/lib/llmdeploy/demo",
    ],
)
def test_what_is_ours_may_go(path: str) -> None:
    assert allowed(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/etc",
        "/etc/passwd",
        "/etc/llmdeploy/../passwd",
        "/home/ops",
        "/run/systemd",
        "/run/llmdeploy-demo/../x",
        "etc/llmdeploy",
    ],
)
def test_what_is_not_may_never(path: str) -> None:
    assert not allowed(path)
