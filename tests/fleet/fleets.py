"""A plan for hosts that a fake_ssh answered for, with all that goes to them; no host is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmdeploy.artifact import Artifact, artifact_of
from llmdeploy.fleet.places import Secrets
from llmdeploy.fleet.record import load_members
from llmdeploy.fleet.secrets import ensure_secrets
from llmdeploy.fleet.variables import Bundle, Fleet, image_of
from llmdeploy.plan import Plan
from llmdeploy.state import StateFolder

from .conftest import Hosts


def artifact(folder: Path, **files: bytes) -> Artifact:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return artifact_of({name: folder / name for name in files})


def fleet(hosts: Hosts, *args: str, model: bool = True, **more: Any) -> Fleet:
    """The fleet of `prepare` over these hosts; keys and certificates are made."""
    plan = Plan.from_json(hosts.plan("--name", "demo", *args))
    state = StateFolder(hosts.folder / ".llmdeploy" / "demo")
    ensure_secrets(plan, state)
    members = {one.host.name: (one.host, one.facts) for one in load_members(state.path / "fleet.json") if one.facts}
    wheels = artifact(hosts.folder / "wheels", **{"one.whl": b"wheel", "requirements.txt": b"one"})
    name = "demo.gguf" if plan.engine == "llamacpp" else "model.safetensors"
    weights = artifact(hosts.folder / "weights", **{name: b"weights"}) if model else None
    own = artifact(hosts.folder / "vllm", **{"vllm.whl": b"vllm", "requirements.txt": b"vllm"})
    serving = [host.name for host in plan.hosts if host.replicas]
    apart = plan.engine != "llamacpp" and not image_of(plan)
    golden = hosts.folder / "golden.yaml"
    golden.write_text("[]\n")
    return Fleet(
        plan=plan,
        hosts=members,
        bundle=Bundle(
            runtimes=dict.fromkeys(members, wheels),
            model=weights,
            keep=("b" * 24,),
            engines=dict.fromkeys(serving, own) if apart else {},
            keep_wheels=("b" * 24,),
        ),
        secrets=Secrets(state.path.absolute()),
        **{"golden": golden, **more},
    )
