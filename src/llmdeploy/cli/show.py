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


def plan_text(plan: Plan) -> str:
    """The plan on one screen: decision, memory, reasons, what was not taken."""
    price = "free" if plan.price_per_month == 0 else f"{plan.price_per_month:,.0f} USD a month"
    lines = [
        f"plan {plan.digest}: {plan.model.id} ({plan.variant}) with {plan.engine} on {plan.target}, {price}",
        f"  serves    {counted(plan.slots, 'request')} at once of {plan.context} tokens",
        f"  threads   {plan.threads}",
        f"  address   {plan.host}:{plan.port}",
        "  memory",
        *(f"    {part.bytes / MIB:10.1f} MiB  {part.name:16}{part.reason}" for part in plan.memory.parts),
        f"    {plan.memory.needed_bytes / MIB:10.1f} MiB  needed, of {plan.memory.available_bytes / MIB:,.0f} MiB free",
        "  because",
        *(f"    {reason}" for reason in plan.reasons),
    ]
    if plan.alternatives:
        lines += ["  not taken", *(f"    {one.what}: {one.reason}" for one in plan.alternatives)]
    if plan.warnings:
        lines += ["  note", *(f"    {warning}" for warning in plan.warnings)]
    return "\n".join(lines)


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
