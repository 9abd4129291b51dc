"""Keys and certificates of a deployment on hosts: made once, kept in the state folder, renewed in time."""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Iterator

from llmdeploy.adapters.authority import Authority
from llmdeploy.fleet.places import Secrets
from llmdeploy.plan import HostPlan, Plan
from llmdeploy.state import StateFolder, write_private

KEY_BYTES = 32


def ensure_secrets(plan: Plan, state: StateFolder) -> list[str]:
    """Have keys, authority and certificates; what was made, in words."""
    return list(_made(plan, state, Secrets(state.path.absolute())))


def _made(plan: Plan, state: StateFolder, files: Secrets) -> Iterator[str]:
    for path, what in ((files.key, "API key"), (files.engine_key, "engine key")):
        if not path.exists() or not path.read_text().strip():
            write_private(path, f"ld-{random.token_urlsafe(KEY_BYTES)}\n")
            yield what
    key = state.key().reveal()
    _ensure(state, f"Authorization: Bearer {key}\n")
    hashed = hashlib.sha256(key.encode()).hexdigest() + "\n"
    if not files.key_hashes.exists() or hashed not in files.key_hashes.read_text():
        write_private(files.key_hashes, hashed)
    authority = Authority(files.tls)
    if authority.ensure(plan.name):
        yield "authority"
    files.node("").parent.mkdir(mode=0o700, exist_ok=True)
    renewed = [host.name for host in plan.hosts if authority.certify(files.node(host.name), host.name, _places(host))]
    if renewed:
        yield f"certificates of {len(renewed)} hosts"
    if authority.certify(files.gateway, plan.name, _public(plan)):
        yield "certificate of the gateway"


def _ensure(state: StateFolder, header: str) -> None:
    if not state.key_header.exists() or state.key_header.read_text() != header:
        write_private(state.key_header, header)


def _places(host: HostPlan) -> list[str]:
    return [host.name, host.address]


def _public(plan: Plan) -> list[str]:
    gateways = [place for host in plan.hosts if host.gateway for place in _places(host)]
    return [plan.host, *gateways, "localhost", "127.0.0.1"]
