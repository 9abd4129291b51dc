"""Preparation: what to serve, with what, and why. Nothing is changed but the plan in the state folder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from llmdeploy import __version__
from llmdeploy.adapters.machine import read_machine
from llmdeploy.deployment import Deployment
from llmdeploy.errors import Problem, SpecError, StepError, UsageError
from llmdeploy.plan import Plan
from llmdeploy.run import Recorder, Run
from llmdeploy.spec import Spec
from llmdeploy.spec.rules import PATH_STARTS
from llmdeploy.targets import Target, target, target_names

if TYPE_CHECKING:
    from llmdeploy.methods.bench import Bench
    from llmdeploy.methods.decide import Decision
    from llmdeploy.sizing.catalogue.models import Model


OWN_HOSTS = ("onprem", "edge")
"""Targets on machines that the user lists; without a list they are planned on paper."""


@dataclass(frozen=True)
class Prepared:
    """The plan, and the comparison it comes from; that is null where nobody told the shape of the model."""

    plan: Plan
    decision: Decision | None


def prepare(spec: Spec, place: Target, deployment: Deployment, run: Run) -> Plan:
    """Decide and save the plan for one target. Raises SpecError where the target cannot do what the spec asks."""
    with run.step("prepare") as recorder:
        plan = _planned(spec, place, deployment, recorder)
        _save(plan, deployment, recorder)
    return plan


def prepare_anywhere(spec: Spec, deployment: Deployment, run: Run, report: Path | None = None) -> Prepared:
    """Compare the methods, then plan for the target that the spec pins or the comparison prefers.

    Targets that this version cannot set up are planned all the same. Raises SpecError where nothing is feasible.
    """
    from llmdeploy.methods.comparison import bench_for
    from llmdeploy.methods.plan_of import plan_of, warnings_about

    with run.step("prepare") as recorder:
        bench = None
        if _hosts_are_named(spec):
            recorder.note("methods", f"not compared: {spec.hosts.inventory} says where it runs")
        else:
            bench = bench_for(spec, read_machine(deployment.state.path), _unlisted(spec, deployment))
        decision = _compare(spec, bench, recorder) if bench else None
        if decision:
            spec = named(spec, decision)
        elif not _hosts_are_named(spec):
            _say_not_compared(spec, recorder)
        if spec.target in target_names() and (_hosts_are_named(spec) or spec.target not in OWN_HOSTS):
            plan = _planned(spec, target(spec.target), deployment, recorder)
            if decision:
                plan = replace(plan, warnings=(*plan.warnings, *warnings_about(decision.model, plan.model)))
        elif decision:
            plan = plan_of(decision, spec)
        else:
            raise SpecError([_unknown_shape(spec)], "spec")
        _save(plan, deployment, recorder)
        if report and bench and decision:
            _write_report(report, bench, decision, deployment, recorder)
    return Prepared(plan, decision)


def _hosts_are_named(spec: Spec) -> bool:
    return spec.target in OWN_HOSTS and bool(spec.hosts.inventory) and spec.model.id != "auto"


def decide_open(spec: Spec, deployment: Deployment) -> Spec:
    """The spec with a name for each `auto`. Raises SpecError where nothing is feasible, or nothing can be compared."""
    from llmdeploy.methods.comparison import bench_for
    from llmdeploy.methods.decide import decide

    bench = bench_for(spec, read_machine(deployment.state.path), _unlisted(spec, deployment))
    if bench is None:
        raise SpecError([_unknown_shape(spec)], "spec")
    return named(spec, decide(bench, spec.target))


def _unlisted(spec: Spec, deployment: Deployment) -> Model | None:
    """A model that the catalogue does not have, by its own config.json or GGUF header; null where it is listed.

    For this machine only files that are here are read: the target itself asks the hub, once. Raises SpecError for a
    name that nothing answers to, MissingError where the hub cannot be reached.
    """
    from llmdeploy.adapters.model_shape import shape_of
    from llmdeploy.sizing.catalogue.models import find_model, unlisted

    name, environment = spec.model.id, deployment.environment
    here, file = _exists(name, deployment), _is_file(name, deployment)
    if name == "auto" or (find_model(name) and not file) or (not here and (file or spec.target == "local")):
        return None
    try:
        shaped = shape_of(name, environment)
    except UsageError as error:
        message = error.message.removeprefix("--model: ")
        raise SpecError([Problem("model.id", message, error.hint)], "spec") from error
    return unlisted(name, shaped.architecture, shaped.published, shaped.origin)


def _exists(name: str, deployment: Deployment) -> bool:
    return (deployment.environment.cwd / Path(name).expanduser()).exists()


def _is_file(name: str, deployment: Deployment) -> bool:
    """One of the user's own, though it may be called like a model of the catalogue."""
    return name.startswith(PATH_STARTS) or ("/" in name and _exists(name, deployment))


def _compare(spec: Spec, bench: Bench, recorder: Recorder) -> Decision:
    from llmdeploy.methods.decide import decide

    with recorder.entry("methods") as entry:
        decision = decide(bench, spec.target)
        feasible = sum(row.feasible for row in decision.rows)
        entry.detail = f"{len(decision.rows)} considered, {feasible} feasible; {decision.chosen.name}"
    return decision


def named(spec: Spec, decision: Decision) -> Spec:
    """The spec with what the comparison decided: target and model are names, no longer `auto`."""
    model = spec.model
    if model.id == "auto":
        model = model.model_copy(update={"id": decision.model.name})
    return spec.model_copy(update={"target": decision.chosen.target, "model": model})


def _planned(spec: Spec, place: Target, deployment: Deployment, recorder: Recorder) -> Plan:
    with recorder.entry("target") as entry:
        entry.detail = place.name
        lacking = place.lacks(spec) or _forbidden(spec, deployment)
        if lacking:
            raise SpecError(lacking, "spec")
    return place.plan(spec, deployment, recorder)


def _forbidden(spec: Spec, deployment: Deployment) -> list[Problem]:
    """What the licence of a model of the catalogue does not allow."""
    from llmdeploy.methods.licences import LICENCE_HINT, forbids
    from llmdeploy.sizing.catalogue.models import BUNDLED, find_model

    name = spec.model.id
    if spec.model.use != "commercial" or name == BUNDLED or _is_file(name, deployment):
        return []
    found = find_model(name)
    reason = forbids(found.model.license) if found and not found.guessed else ""
    return [Problem("model.use", f"{name}: {reason}", LICENCE_HINT)] if reason else []


def _save(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    for warning in plan.warnings:
        recorder.note("note", warning, "warning")
    recorder.data.update(plan=plan.digest, price_per_month=plan.price_per_month)
    deployment.state.save_plan(plan)


def _say_not_compared(spec: Spec, recorder: Recorder) -> None:
    reason = f"{spec.model.id} is not in the catalogue: the methods are not compared"
    recorder.note("methods", reason, "warning")


def _unknown_shape(spec: Spec) -> Problem:
    hint = "name a model of `llmdeploy catalogue models`, or write target: local"
    return Problem("model.id", f"{spec.model.id} is not in the catalogue, so {spec.target} cannot be planned", hint)


def _write_report(folder: Path, bench: Bench, decision: Decision, deployment: Deployment, recorder: Recorder) -> None:
    from llmdeploy.requirement_report import Facts, html, markdown, requirement_report

    environment = deployment.environment
    command = environment.variables.get("LLMDEPLOY_COMMAND", "llmdeploy")
    today = time.strftime("%Y-%m-%d", time.gmtime(environment.clock.now()))
    with recorder.entry("report") as entry:
        report = requirement_report(decision, bench, Facts(deployment.state.name, __version__, today, command))
        place = environment.cwd / folder
        try:
            place.mkdir(parents=True, exist_ok=True)
            (place / "requirements.md").write_text(markdown(report), encoding="utf-8")
            (place / "requirements.html").write_text(html(report), encoding="utf-8")
        except OSError as error:
            raise StepError(f"the report cannot be written: {error}", "name another folder: --report FOLDER") from error
        entry.changed(str(place / "requirements.html"))
