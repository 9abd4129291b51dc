"""How a run ended, in words, and what to do next."""

from __future__ import annotations

from typing import Any

from llmdeploy.errors import ExitCode
from llmdeploy.html_report.markup import Markup, bullets, joined, tag
from llmdeploy.html_report.record import Record
from llmdeploy.html_report.recorded import mappings, text
from llmdeploy.report import Entry, Report

ENDINGS = {
    ExitCode.BUG: "was stopped by a bug of llmdeploy",
    ExitCode.USAGE: "stopped: the command line is wrong",
    ExitCode.SPEC: "stopped: the spec cannot be met",
    ExitCode.MISSING: "stopped: something that it needs is missing",
    ExitCode.STEP: "failed",
    ExitCode.GATE: "ended, and a gate says no",
    ExitCode.INTERRUPTED: "was interrupted",
}
AFTER = {
    ExitCode.BUG: "Run `{again}` with the same spec: the journal lets it go on. Please report the traceback, whose "
    "path the command printed.",
    ExitCode.USAGE: "`{again} --help` says what the command takes.",
    ExitCode.SPEC: "Change llmdeploy.yaml or the command's options, then run `{again}`.",
    ExitCode.MISSING: "`llmdeploy doctor` says what is missing on this machine and how to get it; then run `{again}`.",
    ExitCode.STEP: "`llmdeploy logs --name {name}` shows what the engine said; `{again}` goes on from here.",
    ExitCode.GATE: "The endpoint stays up. Give it more room (fewer requests at once, a smaller model), or change the "
    "bound in llmdeploy.yaml, then run `llmdeploy up`; `llmdeploy down` stops it.",
    ExitCode.INTERRUPTED: "Run `{again}`: it goes on from here.",
}
THEN = "Then run `{again}`: it goes on from here."
SENTENCES = {
    "up": "{name} is deployed, tested and watched.",
    "prepare": "The plan of {name} is made.",
    "setup": "The place for {name} is ready.",
    "deploy": "{name} answers.",
    "test": "{name} passed its gates.",
    "monitor": "{name} is watched.",
    "down": "{name} is down, and nothing of it is left running.",
}


def is_whole(record: Record) -> bool:
    """Whether every step that belongs to the command was taken and ended well."""
    return bool(record.reports) and record.exit_code == ExitCode.OK and set(record.steps) <= set(record.reached)


def verdict(record: Record) -> tuple[str, str]:
    """A word for the state (`passed`, `done`, `failed`, `interrupted`, `unfinished`) and a sentence."""
    failed = record.failed
    if failed:
        word = "interrupted" if failed.exit_code == ExitCode.INTERRUPTED else "failed"
        return word, f"{failed.step.capitalize()} {ENDINGS.get(failed.exit_code, 'failed')}."
    if not record.reports:
        return "unfinished", "No step was begun."
    if not is_whole(record):
        return "unfinished", f"It ended after {record.reports[-1].step}, before the next step was begun."
    sentence = SENTENCES.get(record.command, "{name}: done.").format(name=record.deployment)
    changed = any(one.changed for one in record.reports)
    word = "passed" if "test" in record.steps else "done"
    return word, sentence if changed else f"{sentence} Nothing had to be changed."


def next_steps(record: Record) -> Markup:
    """What went wrong and what to do about it; nothing where nothing did."""
    failed = record.failed
    if failed is None:
        if is_whole(record):
            return Markup()
        return _section([], [AFTER[ExitCode.INTERRUPTED].format(again=_again(record), name=record.deployment)])
    wrong: list[object] = [_problem(entry) for entry in failed.entries if entry.status == "failed"]
    hints = [entry.hint for entry in failed.entries if entry.status == "failed" and entry.hint]
    if failed.exit_code == ExitCode.GATE:
        wrong = [missed for gate in mappings(failed.data.get("gates")) for missed in _missed(gate)] or wrong
    if not wrong:
        wrong = [f"{failed.step} ended before it could record why; the command printed it."]
    after = THEN if hints else AFTER.get(failed.exit_code, AFTER[ExitCode.STEP])
    return _section(wrong, [*hints, after.format(again=_again(record), name=record.deployment)])


def _section(wrong: list[object], hints: list[str]) -> Markup:
    head = tag("h2", "What to do next", id="next")
    return tag("section", head, bullets(wrong), bullets((_code(one) for one in hints), "ol"), class_="next")


def _problem(entry: Entry) -> Markup:
    return joined((tag("b", entry.name), ": ", entry.detail or "failed"))


def _missed(gate: dict[str, Any]) -> list[object]:
    return [
        joined(
            (
                tag("b", f"{text(gate.get('gate'))}, {text(check.get('name'))}"),
                f": {text(check.get('value'))}, and the bound is {text(check.get('bound'))}",
            )
        )
        for check in mappings(gate.get("checks"))
        if not check.get("passed")
    ]


def _again(record: Record) -> str:
    return f"llmdeploy {record.command or 'up'}"


def _code(said: str) -> Markup:
    """A hint with its `commands` set as code."""
    parts = said.split("`")
    return joined(
        tag("code", part) if index % 2 and index < len(parts) - 1 else part for index, part in enumerate(parts)
    )


def step_state(record: Record, step: str) -> str:
    """One word or two: ok, changed, failed, interrupted, not reached."""
    report = record.reached.get(step)
    if report is None:
        return "not reached"
    return state_of(report)


def state_of(report: Report) -> str:
    if report.exit_code == ExitCode.INTERRUPTED:
        return "interrupted"
    if not report.ok:
        return "failed"
    return "changed" if report.changed else "ok"
