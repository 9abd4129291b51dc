"""What a person reads: the plan, and what to do with a running endpoint."""

from __future__ import annotations

import shlex
from pathlib import Path

from llmdeploy.deployment import Deployment
from llmdeploy.endpoint import Endpoint
from llmdeploy.environment import Environment
from llmdeploy.plan import Plan
from llmdeploy.units import counted

MIB = 2**20
QUESTION = "What is the capital of France?"


def plan_text(plan: Plan, compared: bool = False) -> str:
    """The plan on one screen: decision, memory, reasons, what was not taken; the last two only where the comparison of
    methods has not told them already."""
    price = "free" if plan.price_per_month == 0 else f"{plan.price_per_month:,.0f} USD a month"
    bought = f", {plan.purchase:,.0f} USD to buy" if plan.purchase else ""
    lines = [
        f"plan {plan.digest}: {plan.model.id} ({plan.variant}) with {plan.engine} on {plan.target}, {price}{bought}",
        f"  serves    {counted(plan.slots, 'request')} at once of {plan.context} tokens"
        + (f", by each of {plan.replicas} replicas" if plan.replicas > 1 else ""),
        *_place(plan),
        "  memory" + (" of each device" if plan.instance else ""),
        *(f"    {part.bytes / MIB:10.1f} MiB  {part.name:16}{part.reason}" for part in plan.memory.parts),
        f"    {plan.memory.needed_bytes / MIB:10.1f} MiB  needed, of {plan.memory.available_bytes / MIB:,.0f} MiB free",
    ]
    if not (compared and plan.instance):
        lines += ["  because", *(f"    {reason}" for reason in plan.reasons)]
    if plan.alternatives and not (compared and plan.instance):
        lines += ["  not taken", *(f"    {one.what}: {one.reason}" for one in plan.alternatives)]
    if plan.warnings:
        lines += ["  note", *(f"    {warning}" for warning in plan.warnings)]
    return "\n".join(lines)


def _place(plan: Plan) -> list[str]:
    """Where it will run."""
    if not plan.instance:
        return [f"  threads   {plan.threads}", f"  address   {plan.host}:{plan.port}"]
    region = f" in {plan.region}" if plan.region else ""
    found = [f"  machines  {plan.machines} x {plan.instance}{region}: {', '.join(plan.accelerators)}"]
    found.append(f"  cut       tensor parallel {plan.tensor_parallel}, pipeline parallel {plan.pipeline_parallel}")
    if plan.predicted:
        said = plan.predicted
        found.append(
            f"  expected  TTFT {said.ttft * 1000:,.0f} ms, ITL {said.itl * 1000:,.1f} ms, "
            f"{said.tokens_per_second:,.0f} tokens/s at most; {said.headroom:.0%} of the places free"
        )
    return found


def endpoint_text(plan: Plan, endpoint: Endpoint, deployment: Deployment) -> str:
    """Address, key and two ways to ask, ready to paste. The key itself is never printed."""
    cwd = deployment.environment.cwd
    header = shlex.quote(str(near(deployment.state.key_header, cwd)))
    command = deployment.environment.variables.get("LLMDEPLOY_COMMAND", "llmdeploy")  # set by scripts/llmdeploy
    body = f'{{"model": "{endpoint.model}", "messages": [{{"role": "user", "content": "{QUESTION}"}}]}}'
    lines = [
        f"{plan.name} is up: {endpoint.url}/v1",
        f"key     cat {shlex.quote(str(near(deployment.state.key_file, cwd)))}",
        f"report  {near(deployment.state.report, cwd)}",
        "",
        f"curl {endpoint.url}/v1/chat/completions -H @{header} -H 'Content-Type: application/json' \\",
        f"  -d '{body}'",
        "",
        "from openai import OpenAI",
        f"key = open({str(near(deployment.state.key_file, cwd))!r}).read().strip()",
        f'client = OpenAI(base_url="{endpoint.url}/v1", api_key=key)',
        f'messages = [{{"role": "user", "content": "{QUESTION}"}}]',
        f'answer = client.chat.completions.create(model="{endpoint.model}", messages=messages)',
        "print(answer.choices[0].message.content)",
        "",
        f"next    {command} chat | status | monitor --web | down",
    ]
    if plan.model.source == "bundled":
        lines.append(f"        {command} up --model qwen3-0.6b    (this one is a toy; that one is useful)")
    return "\n".join(lines)


def endpoint_json(plan: Plan, endpoint: Endpoint, deployment: Deployment) -> dict[str, str]:
    return {
        "url": f"{endpoint.url}/v1",
        "model": endpoint.model,
        "key_file": str(deployment.state.key_file),
        "health": endpoint.url + endpoint.health_path,
        "metrics": endpoint.url + endpoint.metrics_path,
        "plan": plan.digest,
    }


def near(path: Path, folder: Path) -> Path:
    """The path as seen from `folder` where it lies below it."""
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def say(environment: Environment, text: str) -> None:
    environment.stdout.write(text + "\n")
