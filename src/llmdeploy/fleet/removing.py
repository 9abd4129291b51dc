"""Down on many machines: what the receipts on each host list goes, and nothing else."""

from __future__ import annotations

from llmdeploy.deployment import Deployment
from llmdeploy.errors import StepError
from llmdeploy.fleet.planning import MEMBERS
from llmdeploy.fleet.record import load_members
from llmdeploy.fleet.wheels import NOTES
from llmdeploy.fleet.work import connection_of, run_removal, told
from llmdeploy.run import Recorder

FILES = ("outputs.json", "deployed.json", MEMBERS, *NOTES)


def down_fleet(deployment: Deployment, recorder: Recorder) -> None:
    state = deployment.state
    hosts = {member.host.name: connection_of(member.host) for member in load_members(state.path / MEMBERS)}
    hosts |= state.load_outputs().get("connections", {})
    if not hosts:
        recorder.note("hosts", "none is known: nothing to take down")
        return
    with recorder.entry("hosts") as entry:
        outcome = run_removal(hosts, state.name, deployment)
        if outcome.faults:
            raise StepError(f"not clean: {told(outcome)}", "turn the hosts on and run `llmdeploy down` again")
        if outcome.changed:
            entry.changed(f"cleaned: {', '.join(sorted(hosts))}")
        else:
            entry.detail = "nothing of ours was there"
    left = [f"{name}: {kept}" for name, one in outcome.kept.items() if (kept := one.get("receipt", {}).get("left"))]
    if left:
        recorder.note("left", "; ".join(left), "warning", "remove by hand what you do not want")
    for name in FILES:
        (state.path / name).unlink(missing_ok=True)
