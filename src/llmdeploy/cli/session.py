"""What every verb that runs steps does around them: lock, journal, screen, report, `--json`."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmdeploy import __version__
from llmdeploy.cli.failure import failure_json
from llmdeploy.cli.options import SpecOptions, spec_file
from llmdeploy.cli.screen import screen
from llmdeploy.deployment import Deployment, deployment
from llmdeploy.environment import Environment
from llmdeploy.errors import LlmdeployError, MissingError, Problem, SpecError
from llmdeploy.journal import Journal, interrupted_step
from llmdeploy.plan import Plan
from llmdeploy.run import Run
from llmdeploy.targets import Target, target, target_names

if TYPE_CHECKING:
    from llmdeploy.spec import Spec


@dataclass
class Session:
    """One command at work on one deployment. `data` is what `--json` prints beside the reports."""

    environment: Environment
    deployment: Deployment
    run: Run
    data: dict[str, Any] = field(default_factory=dict)

    def plan(self, verb: str) -> Plan:
        """The saved plan. Raises MissingError where prepare has not run."""
        plan = self.deployment.state.load_plan()
        if plan is None:
            raise MissingError(
                f"{self.deployment.state.name} has no plan yet",
                f"run `llmdeploy prepare` before `llmdeploy {verb}`, or `llmdeploy up`",
            )
        return plan


def read_spec(wanted: SpecOptions, environment: Environment) -> Spec:
    from llmdeploy.spec import load_spec

    return load_spec(spec_file(wanted, environment), wanted.overrides)


def decided(spec: Spec, environment: Environment) -> Spec:
    """The spec with a name for each `auto`, as the comparison of methods prefers it."""
    if spec.target != "auto" and spec.model.id != "auto":
        return spec
    from llmdeploy.steps.prepare import decide_open

    return decide_open(spec, deployment(spec.name, environment))


def target_of(name: str) -> Target:
    """The target's code. Raises SpecError for one that this version does not have."""
    try:
        return target(name)
    except KeyError:
        here = ", ".join(target_names())
        raise SpecError(
            [Problem("target", f"{name} is not available in this version", f"available: {here}")], "spec"
        ) from None


@contextlib.contextmanager
def session(environment: Environment, name: str, verb: str, as_json: bool) -> Iterator[Session]:
    """Hold the deployment, run, and leave a readable record however it ends."""
    place = deployment(name, environment)
    place.state.create()
    started = environment.clock.now()
    run_id = time.strftime("%Y%m%d-%H%M%S", time.gmtime(started)) + f"-{started % 1 * 1000:03.0f}"
    view = screen(environment, quiet=as_json)
    with place.state.locked(verb):
        journal = Journal(place.state.journal, run_id, environment.clock)
        cut = interrupted_step(journal.path)
        journal.write("run-started", command=verb, version=__version__)
        if cut and not as_json:
            environment.stderr.write(f"the last run was cut off in step {cut}; going on\n")
        current = Session(environment, place, Run(run_id, environment.clock, (view, journal)))
        failure: BaseException | None = None
        try:
            yield current
        except BaseException as error:
            failure = error
            raise
        finally:
            view.close()
            _write_report(current)
            journal.write("run-ended", exit_code=int(current.run.exit_code))
            if as_json:
                print_json(environment, outcome(current, failure))


def outcome(current: Session, failure: BaseException | None) -> dict[str, Any]:
    """The document of `--json`."""
    plan = _plan_if_readable(current)
    found: dict[str, Any] = {
        "ok": failure is None,
        "deployment": current.deployment.state.name,
        "plan": plan.as_json() if plan else None,
        "reports": [report.as_json() for report in current.run.reports],
        "report": str(current.deployment.state.report),
        **current.data,
    }
    if isinstance(failure, LlmdeployError):
        found["error"] = failure_json(failure)
        failure.reported = True
    return found


def _plan_if_readable(current: Session) -> Plan | None:
    """The error about a damaged plan comes from the verb that needs it, not from the report about it."""
    try:
        return current.deployment.state.load_plan()
    except LlmdeployError:
        return None


def print_json(environment: Environment, document: Any) -> None:
    environment.stdout.write(json.dumps(document, indent=1) + "\n")
    environment.stdout.flush()


def _write_report(current: Session) -> None:
    from llmdeploy.html_report import write_report

    write_report(current.deployment.state, current.run)
