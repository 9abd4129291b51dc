"""The anatomy of the roles: variables declared, described and used; what they manage said; secrets kept silent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[2] / "playbooks/roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if any(path.rglob("*.yml"))) if ROLES.is_dir() else []
PARTS = ("preflight", "install", "configure", "run")
KINDS = {"files", "folders", "units", "packages", "users", "groups"}
MOST_TASKS = 32  # each costs a round trip to every host; hardening needs its way back, the others about fifteen
PUBLIC = re.compile(r"\w*(repository|toolkit|signing)_key_source")  # what signs a package repository
SECRET = re.compile(r"\w*(key|keys|certificate|password|secret|token|hashes|credentials)_source\b")
OWN_COLLECTION = "llmdeploy.host."
CARRIES_CONTENT = {"ansible.builtin.copy", "ansible.builtin.template"}
BLOCKS = ("block", "rescue", "always")

every_role = pytest.mark.parametrize("role", NAMES)


@cache
def load(role: str, name: str) -> Any:
    """One YAML file of a role; None where it is not there."""
    path = ROLES / role / name
    return yaml.safe_load(path.read_text("utf-8")) if path.exists() else None


def spec(role: str) -> dict[str, Any]:
    return dict(load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"])


def variables(role: str) -> dict[str, Any]:
    return dict(load(role, "vars/main.yml"))


def flat(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tasks with those inside of blocks."""
    for task in tasks or []:
        inner = [task[name] for name in BLOCKS if name in task]
        yield from (one for part in inner for one in flat(part)) if inner else [task]


def tasks(role: str) -> list[dict[str, Any]]:
    """All tasks and handlers of a role but the list of its parts."""
    files = [*sorted((ROLES / role / "tasks").glob("*.yml")), *sorted((ROLES / role / "handlers").glob("*.yml"))]
    names = [
        str(path.relative_to(ROLES / role)) for path in files if path.name != "main.yml" or "handlers" in path.parts
    ]
    return [task for name in names for task in flat(load(role, name))]


def code(role: str, *folders: str) -> str:
    """The text of a role's tasks, variables, templates and handlers without comments."""
    wanted = folders or ("tasks", "vars", "handlers", "templates", "defaults")
    paths = [path for folder in wanted for path in sorted((ROLES / role / folder).rglob("*")) if path.is_file()]
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("#", "{#")))


def module(task: dict[str, Any]) -> str:
    """The name of a task's module."""
    (found,) = (key for key in task if "." in key)
    return found


def test_there_are_roles() -> None:
    assert NAMES


@every_role
def test_a_role_has_the_anatomy(role: str) -> None:
    wanted = ["defaults/main.yml", "vars/main.yml", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml"]
    wanted += [f"tasks/{part}.yml" for part in PARTS]
    assert [name for name in wanted if not (ROLES / role / name).is_file()] == []
    entries = load(role, "tasks/main.yml")
    assert [entry["ansible.builtin.import_tasks"] for entry in entries] == [f"{part}.yml" for part in PARTS]
    assert [entry["tags"] for entry in entries] == [[f"{role}_{part}"] for part in PARTS]


@every_role
def test_defaults_are_those_of_the_argument_specs(role: str) -> None:
    defaults, options = load(role, "defaults/main.yml") or {}, spec(role)
    assert sorted(set(defaults) - set(options)) == [], "without a specification"
    optional = {name: option.get("default") for name, option in options.items() if not option.get("required")}
    assert {name: defaults.get(name, "missing") for name in optional} == optional
    required = {name: defaults[name] for name in options if name not in optional and name in defaults}
    assert [name for name, value in required.items() if value] == [], "required, and yet with a value"


def undescribed(options: dict[str, Any], above: str = "") -> list[str]:
    """Variables and their parts without type, description, or type of elements."""
    found = []
    for name, option in options.items():
        complete = {"type", "description"} <= set(option) and ("elements" in option or option["type"] != "list")
        found += [] if complete else [above + name]
        found += undescribed(option.get("options", {}), f"{above}{name}.")
    return found


@every_role
def test_every_variable_has_type_and_description_and_the_roles_prefix(role: str) -> None:
    assert undescribed(spec(role)) == []
    assert [name for name in spec(role) if not name.startswith(f"{role}_")] == []
    assert [name for name in variables(role) if not re.match(rf"_?{role}_", name)] == []


@every_role
def test_every_declared_variable_is_used(role: str) -> None:
    text = code(role, "tasks", "vars", "handlers", "templates")
    own = [name for name in variables(role) if name != f"{role}_manages"]
    unused = [name for name in spec(role) if not re.search(rf"\b{name}\b", text)]
    unused += [name for name in own if len(re.findall(rf"\b{name}\b", text)) < 2]
    assert unused == []


def made_in_tasks(role: str) -> set[str]:
    """Names that tasks, loops and templates give themselves."""
    found = set(re.findall(r"(?:register|loop_var|index_var): (\w+)|{%-? *(?:set|macro|for) (\w+)", code(role)))
    names = {name for pair in found for name in pair if name}
    for task in tasks(role):
        names |= set(task.get("vars", {})) | set(task.get("ansible.builtin.set_fact", {}))
    return names


@every_role
def test_no_variable_is_used_that_is_not_declared(role: str) -> None:
    declared = {*spec(role), *variables(role), *made_in_tasks(role), *(f"{role}_{part}" for part in PARTS)}
    used = set(re.findall(rf"(?<![\w.\-/'\"])_{{0,2}}{role}_\w+\b(?!:)", code(role)))
    assert sorted(used - declared) == []


@every_role
def test_a_role_says_what_it_manages(role: str) -> None:
    assert set(variables(role)[f"{role}_manages"]) == KINDS


@every_role
def test_tasks_that_touch_secrets_are_silent(role: str) -> None:
    given = {name for name in spec(role) if SECRET.fullmatch(name) and not PUBLIC.fullmatch(name)}
    copied, more = set(given), True
    while more:  # variables that are made of them
        own = {name: value for name, value in variables(role).items() if name != f"{role}_manages"}
        made = {name for name, value in own.items() if mentions(value, copied)}
        more, copied = not made <= copied, copied | made
    loud = [
        task["name"]
        for task in tasks(role)
        if module(task) not in {"ansible.builtin.assert", "ansible.builtin.stat"}
        and mentions(in_force(task), copied if module(task) in CARRIES_CONTENT else given)
        and not (task.get("no_log") is True and (task.get("diff") is False or module(task) not in CARRIES_CONTENT))
    ]
    assert loud == []


def in_force(task: dict[str, Any]) -> dict[str, Any]:
    """A task without what only decides whether it runs, or how it is called."""
    return {key: value for key, value in task.items() if key not in {"name", "when", "loop_control"}}


def mentions(value: Any, names: set[str]) -> bool:
    """Whether a value names one of the variables."""
    return bool(names) and re.search(rf"\b({'|'.join(sorted(names))})\b", str(value)) is not None


@every_role
def test_a_role_is_built_of_what_comes_with_ansible_and_with_us(role: str) -> None:
    used = {module(task) for task in tasks(role)}
    assert {name for name in used if not name.startswith(("ansible.builtin.", OWN_COLLECTION))} == set()
    shells = {"ansible.builtin.shell", "ansible.builtin.raw"}
    shell = [task["name"] for task in tasks(role) if module(task) in shells and "{{" in str(task[module(task)])]
    assert shell == []


@every_role
def test_handlers_are_called_and_there(role: str) -> None:
    handlers = load(role, "handlers/main.yml") or []
    known = {name for handler in handlers for name in [handler["name"], *listed(handler.get("listen"))]}
    called = {name for task in tasks(role) for name in listed(task.get("notify"))}
    templated = {name for name in called if "{{" in name}
    assert sorted(called - templated - known) == []
    unused = {h["name"] for h in handlers if not {h["name"], *listed(h.get("listen"))} & called}
    assert sorted(name for name in unused if f"notify: {name}" not in code(role, "vars")) == []


def listed(value: Any) -> list[str]:
    """A text or a list as a list."""
    return [value] if isinstance(value, str) else list(value or [])


@every_role
def test_a_role_has_few_tasks(role: str) -> None:
    assert len(tasks(role)) <= MOST_TASKS
