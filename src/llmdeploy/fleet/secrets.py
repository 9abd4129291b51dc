"""Keys and certificates of a deployment on hosts: made once, kept in the state folder, renewed in time."""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Iterator

from llmdeploy.adapters.authority import Authority
from llmdeploy.adapters.signer import ensure_signer
from llmdeploy.fleet.alone import pulls, stands_alone
from llmdeploy.fleet.places import Secrets
from llmdeploy.plan import HostPlan, Plan
from llmdeploy.state import StateFolder, write_private
from llmdeploy.units import counted

KEY_BYTES = 32


def ensure_secrets(plan: Plan, state: StateFolder) -> list[str]:
    """Have keys, authority and certificates; what was made, in words."""
    return list(_made(plan, state, Secrets(state.path.absolute())))


def _made(plan: Plan, state: StateFolder, files: Secrets) -> Iterator[str]:
    for path, what in ((files.key, "API key"), (files.prober_key, "prober's key"), (files.engine_key, "engine key")):
        if not path.exists() or not path.read_text().strip():
            write_private(path, f"ld-{random.token_urlsafe(KEY_BYTES)}\n")
            yield what
    key = state.key().reveal()
    _ensure(state, f"Authorization: Bearer {key}\n")
    hashes = "".join(f"{_hash(one)}\n" for one in (key, files.prober_key.read_text().strip()))
    if not files.key_hashes.exists() or files.key_hashes.read_text() != hashes:
        write_private(files.key_hashes, hashes)
    if pulls(plan) and ensure_signer(files.release_key, files.release_signer):
        yield "key that signs releases"
    authority = Authority(files.tls)
    if authority.ensure(plan.name):
        yield "authority"
    for folder in (files.node("").parent, files.box("").parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    renewed = [host.name for host in plan.hosts if authority.certify(files.node(host.name), host.name, _places(host))]
    if renewed:
        yield f"certificates of {counted(len(renewed), 'host')}"
    if stands_alone(plan):
        boxes = [
            host.name for host in plan.hosts if authority.certify(files.box(host.name), host.name, _box(host, plan))
        ]
        if boxes:
            yield f"certificates for clients of {len(boxes)} boxes"
    elif authority.certify(files.gateway, plan.name, _public(plan)):
        yield "certificate of the gateway"


def _ensure(state: StateFolder, header: str) -> None:
    if not state.key_header.exists() or state.key_header.read_text() != header:
        write_private(state.key_header, header)


def _places(host: HostPlan) -> list[str]:
    return [host.name, host.address]


def _box(host: HostPlan, plan: Plan) -> list[str]:
    name = plan.spec["hosts"]["public_name"]
    return [*([name] if name else []), *_places(host), "localhost", "127.0.0.1"]


def _public(plan: Plan) -> list[str]:
    gateways = [place for host in plan.hosts if host.gateway for place in _places(host)]
    return [plan.host, *gateways, "localhost", "127.0.0.1"]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
