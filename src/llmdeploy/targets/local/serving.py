"""Deploy on this machine: weights, a supervised engine, and the first answer."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from llmdeploy.adapters.http import answers, healthy
from llmdeploy.adapters.supervisor import ProcessInfo, Program, Supervisor
from llmdeploy.adapters.waiting import pause
from llmdeploy.adapters.weights import fetch
from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.engines import Serving, Site, engine
from llmdeploy.errors import StepError
from llmdeploy.last_words import last_words
from llmdeploy.plan import Plan, Weights
from llmdeploy.run import Recorder
from llmdeploy.units import known_duration

LOAD_SECONDS = 60.0  # an engine's own start: imports, graph capture, warm-up
LOAD_BYTES_PER_SECOND = 50e6  # a slow disk; weights are read once at the start
VLLM_LOAD_SECONDS = (
    900.0  # compilation of a model's graphs took half an hour at worst (vllm issue 34399), minutes mostly
)
LOG_TAIL = 64 * 1024  # vLLM writes the cause first, and then a traceback of each of its processes


def deploy_local(plan: Plan, deployment: Deployment, recorder: Recorder) -> None:
    supervisor = Supervisor(deployment.state.supervisor)
    with recorder.entry("weights") as entry:
        weights = fetch(plan.model, deployment.models, recorder.progress, deployment.hub_token, deployment.hub_endpoint)
        entry.detail = f"{len(weights.sha256)} file(s) verified by sha256, {weights.path}"
    with recorder.entry("engine") as entry:
        supervisor.wait_for_daemon()
        before, said_before = supervisor.description("engine"), _log_size(deployment)
        restarted = supervisor.ensure(_program(plan, weights, deployment))
        recorder.data["restarted"] = restarted
        if restarted:
            entry.changed("replaced" if before else "started")
        else:
            entry.detail = "running as planned"
    with recorder.entry("first answer") as entry:
        try:
            _wait_until_it_answers(plan, deployment, said_before if restarted else 0)
        except BaseException:
            if restarted:
                _put_back(supervisor, before)
            raise
        entry.detail = endpoint_of(plan, deployment).url
    deployment.state.save_deployed(plan)
    deployment.state.save_outputs(
        {
            "digest": plan.digest,
            "url": endpoint_of(plan, deployment).url,
            "address": [plan.host, plan.port],
            "model": plan.served_name,
            "weights": {plan.model.id: weights.sha256},
        }
    )


def serving_of(plan: Plan, model_path: Path, deployment: Deployment) -> Serving:
    site = Site(sys.executable, str(model_path), str(deployment.state.key_file.absolute()))
    return engine(plan.engine).serve(plan, site)


def endpoint_of(plan: Plan, deployment: Deployment) -> Endpoint:
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    serving = serving_of(plan, Path(), deployment)
    return Endpoint(
        url=f"http://{host}:{plan.port}",
        model=plan.served_name,
        key=deployment.state.key(),
        health_path=serving.health_path,
        metrics_path=serving.metrics_path,
    )


def _program(plan: Plan, weights: Weights, deployment: Deployment) -> Program:
    """Plan digest and weight hashes are in the environment, so that other weights mean a restart."""
    serving = serving_of(plan, weights.path, deployment)
    marks = {"LLMDEPLOY_PLAN": plan.digest, "LLMDEPLOY_WEIGHTS": ",".join(sorted(weights.sha256.values()))}
    return Program("engine", serving.argv, {**serving.env, **marks})


def _wait_until_it_answers(plan: Plan, deployment: Deployment, said_before: int) -> None:
    supervisor = Supervisor(deployment.state.supervisor)
    endpoint = endpoint_of(plan, deployment)
    allowed = load_deadline(plan)
    begun = time.monotonic()
    deadline = begun + allowed
    first: ProcessInfo | None = None
    while not healthy(endpoint):
        process = supervisor.process("engine")
        first = first or (process if process and process.alive else None)
        if process is None or process.state in ("BACKOFF", "FATAL", "EXITED") or (first and process.pid != first.pid):
            raise StepError(
                f"the engine ended while it loaded the model: {_last_words(deployment, said_before)}",
                _log_hint(deployment),
            )
        if time.monotonic() > deadline:
            raise StepError(f"the engine did not answer within {allowed:.0f} s", _log_hint(deployment))
        pause(begun)
    problem = answers(endpoint, max(5.0, deadline - time.monotonic()))
    if problem:
        raise StepError(f"the engine is up but does not answer a chat: {problem}", _log_hint(deployment))


def load_deadline(plan: Plan) -> float:
    """Seconds that an engine may take until its first answer: the spec's, else from the size of the weights."""
    asked = plan.spec["deploy"]["timeout"]
    if asked:
        return known_duration(asked)
    start = VLLM_LOAD_SECONDS if plan.engine == "vllm" else LOAD_SECONDS
    return start + plan.model.size_bytes / LOAD_BYTES_PER_SECOND


def _put_back(supervisor: Supervisor, before: str) -> None:
    """An engine that does not come up must not loop for ever, and what ran before runs again."""
    supervisor.remove("engine")
    if before:
        supervisor.restore("engine", before)


def _last_words(deployment: Deployment, said_before: int) -> str:
    """Out of what the engine wrote after the first `said_before` bytes of its log."""
    log = deployment.state.logs / "engine.log"
    if not log.exists():
        return "it wrote nothing"
    said = log.read_bytes()
    since = said[said_before:] if said_before <= len(said) else said  # it was rotated in between
    return last_words(since[-LOG_TAIL:].decode(errors="replace"))


def _log_size(deployment: Deployment) -> int:
    log = deployment.state.logs / "engine.log"
    return log.stat().st_size if log.exists() else 0


def _log_hint(deployment: Deployment) -> str:
    return f"read its log: `llmdeploy logs --name {deployment.state.name}`"
