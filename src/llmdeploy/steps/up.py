"""The five steps in order."""

from __future__ import annotations

from collections.abc import Callable

from llmdeploy.deployment import Deployment
from llmdeploy.errors import GateError
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.spec import Spec
from llmdeploy.steps.deploy import deploy
from llmdeploy.steps.monitor import monitor
from llmdeploy.steps.prepare import prepare
from llmdeploy.steps.setup import setup
from llmdeploy.steps.test import test
from llmdeploy.targets import Target


def up(
    spec: Spec,
    target: Target,
    deployment: Deployment,
    run: Run,
    agree: Callable[[Plan], None],
    repeat_test: bool = False,
) -> Plan:
    """Prepare, then `agree` (which may ask the user, and raises where the answer is no), then the other four.

    A gate that fails does not keep the endpoint from being watched: monitor runs, then the failure is raised.
    """
    plan = prepare(spec, target, deployment, run)
    agree(plan)
    setup(plan, target, deployment, run)
    deploy(plan, target, deployment, run)
    try:
        test(plan, target, deployment, run, repeat=repeat_test)
    except GateError:
        monitor(plan, target, deployment, run)
        raise
    monitor(plan, target, deployment, run)
    return plan
