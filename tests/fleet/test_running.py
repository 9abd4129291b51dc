"""Which plan runs on which box, where a rollout stopped halfway or left a box behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from llmdeploy.deployment import Deployment
from llmdeploy.fleet.asking import _down
from llmdeploy.fleet.running import BOXES, ROLLING, running, stopped_at, told_where
from llmdeploy.plan import Plan
from llmdeploy.state import StateFolder
from llmdeploy.steps.rollback import earlier_plan

from .conftest import Hosts
from .fleets import fleet


@pytest.fixture
def plans(hosts: Hosts) -> tuple[Plan, Plan]:
    """A plan for two boxes, and a newer one."""
    for name in ("box1", "box2"):
        hosts.answer(name)
    hosts.listed("{name: box1, wave: canary}", "{name: box2}")
    plan = fleet(hosts, "--target", "edge").plan
    return plan, replace(plan, served_name="newer")


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    state = StateFolder(tmp_path / "state")
    state.create()
    return Deployment(state, None)  # type: ignore[arg-type]


def known(deployment: Deployment, deployed: Plan, rolling: Plan | None, **boxes: Plan) -> None:
    state = deployment.state
    for plan in boxes.values():
        state.keep(plan)
    state.save_deployed(deployed)
    began = {ROLLING: rolling.digest} if rolling else {}
    state.save_outputs({BOXES: {name: plan.digest for name, plan in boxes.items()}, **began})


def test_where_all_run_the_deployed_plan_there_is_nothing_to_tell(
    deployment: Deployment, plans: tuple[Plan, Plan]
) -> None:
    old, _ = plans
    known(deployment, old, None, box1=old, box2=old)
    assert [(one.plan.digest, one.names) for one in running(deployment)] == [(old.digest, ("box1", "box2"))]
    assert (stopped_at(deployment), told_where(deployment)) == ("", "")


def test_a_rollout_that_stopped_is_told_and_taken_back_first(deployment: Deployment, plans: tuple[Plan, Plan]) -> None:
    old, new = plans
    known(deployment, old, new, box1=new, box2=old)
    groups = {one.plan.digest: one.names for one in running(deployment)}
    assert groups == {old.digest: ("box2",), new.digest: ("box1",)}
    assert f"the last rollout stopped, and it has changed box1: plan {new.digest}" in told_where(deployment)
    assert earlier_plan(deployment, "").digest == old.digest


def test_a_canary_that_went_back_leaves_nothing_stopped(deployment: Deployment, plans: tuple[Plan, Plan]) -> None:
    old, new = plans
    known(deployment, old, new, box1=old, box2=old)
    assert (stopped_at(deployment), told_where(deployment)) == ("", "")


def test_a_box_that_was_left_behind_is_told_of(deployment: Deployment, plans: tuple[Plan, Plan]) -> None:
    old, new = plans
    known(deployment, new, None, box1=new, box2=old)
    assert stopped_at(deployment) == ""
    assert told_where(deployment).startswith(f"not on the newest plan: box2: plan {old.digest}")


def unit(name: str, active: str, enabled: str = "enabled") -> dict[str, str]:
    return {"Id": f"llmdeploy-demo-{name}.service", "ActiveState": active, "UnitFileState": enabled}


@pytest.mark.parametrize(("a", "b", "down"), [("active", "inactive", 0), ("inactive", "inactive", 2)])
def test_of_two_slots_one_may_rest(a: str, b: str, down: int) -> None:
    assert len(_down([unit("slot-a", a), unit("slot-b", b), unit("gateway", "active")])) == down
