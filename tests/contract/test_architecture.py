"""The import rules of ARCHITECTURE.md, kept by reading the source; and what importing may cost and do.

The tables name folders, not files: a new target, engine, step or verb needs no change here.
"""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

# Folder -> the folders right below it. A folder may import everything below, however deep. "core" is the
# modules that lie directly in llmdeploy/ (errors, plan, report, ...): types that every part shares.
BELOW = {
    "cli": {"steps", "html_report"},
    "steps": {"targets", "requirement_report", "gates", "prober", "monitoring", "web"},
    "requirement_report": {"methods", "html_report"},
    "targets": {"fleet", "adapters", "engines", "sizing", "spec", "prober"},
    "fleet": {"adapters", "engines", "sizing", "spec", "onhost"},
    "web": {"monitoring", "prober", "adapters"},
    "monitoring": {"prober"},
    "onhost": {"gates", "adapters"},
    "gates": {"adapters"},
    "prober": {"gates", "adapters", "engines"},  # it asks the golden prompts
    "adapters": {"sizing", "spec", "models"},
    "methods": {"sizing", "spec"},
    "sizing": {"spec"},
    "engines": {"core"},
    "models": {"core"},
    "html_report": {"core"},
    "spec": {"core"},
    "core": set[str](),
}
# Folders that know less than their place above would allow: only these modules.
ONLY = {
    "engines": {"llmdeploy.plan"},
    "spec": {"llmdeploy.errors", "llmdeploy.units"},
}
# Single modules with a reason of their own -> what else they may import.
EXCEPTIONS = {
    "llmdeploy.__main__": {"llmdeploy.cli"},  # the door
    "llmdeploy.engines.*.__main__": {"llmdeploy.adapters.orphans"},  # runs beside the engine, is not its description
}
# Folders whose entries never import each other. In cli/ the verbs are meant: files with a function `command`.
APART = ("cli", "steps", "targets", "engines")
COMPOSES_SIBLINGS = {"llmdeploy.steps.up", "llmdeploy.steps.rollback"}


def words(text: str) -> set[str]:
    return set(text.split())


# What may be called while a module is imported: it makes a value and touches nothing.
PURE_CALLS = words(
    "frozenset set dict fromkeys tuple list range len sorted zip max min sum str int float object property cast join "
    "format items values keys split strip dataclass field TypeVar NewType NamedTuple namedtuple auto wraps compile "
    "Path PurePosixPath MappingProxyType Decimal Fraction timedelta Struct with_name with_suffix getLogger"
)
PURE_CALLS_OF_A_FOLDER = {
    "cli": words("command group option argument version_option Choice IntRange FloatRange"),
    "spec": words(
        "Field ConfigDict BeforeValidator AfterValidator WrapValidator PlainValidator PlainSerializer "
        "field_validator model_validator field_serializer WithJsonSchema TypeAdapter Discriminator Tag "
        "StringConstraints"
    ),
}
EFFECTFUL_NAMES = {"os.environ", "os.getcwd", "sys.argv", "sys.stdin"}

# `--version` and `--help` are asked for all the time (prompts, completion): none of these is loaded for them.
HEAVY = tuple(
    words("rich httpx huggingface_hub pulumi ansible mitogen cryptography pip yaml pydantic jsonschema plotly psutil")
)

MEDIAN_LINES, SECOND_LOOK, MOST_LINES = 100, 300, 400

MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in MODULES.items()}


def folder_of(module: str) -> str:
    """The part of the package that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in BELOW else "core"


def reach(folder: str) -> set[str]:
    """The folder itself and everything below it."""
    found, todo = {folder, "core"}, [folder]
    while todo:
        todo += [lower for lower in BELOW[todo.pop()] if lower not in found and not found.add(lower)]  # type: ignore[func-returns-value]
    return found


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Every module that a module imports, also inside functions and for types alone, with the line."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{MODULES[module]}:{node.lineno}: a relative import hides the direction"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full in MODULES else str(node.module)), node.lineno


def own(module: str) -> list[tuple[str, int]]:
    """The imports of this package's modules."""
    return [(name, line) for name, line in imports(module) if name.split(".")[0] == "llmdeploy"]


def excepted(module: str, imported: str) -> bool:
    """Whether the table of exceptions allows this import."""
    pattern = ".".join("*" if index == 2 else part for index, part in enumerate(module.split(".")))
    allowed = EXCEPTIONS.get(module, set()) | EXCEPTIONS.get(pattern, set())
    return any(imported == name or imported.startswith(name + ".") for name in allowed)


def entry(module: str) -> str:
    """The name of a module's entry in its folder: `local` for llmdeploy.targets.local.serving."""
    parts = module.split(".")
    return parts[2] if len(parts) > 2 else ""


def is_shared(module: str) -> bool:
    """Whether the others in the folder may import it: the folder itself, and in cli/ what is not a verb."""
    verb = any(isinstance(node, ast.FunctionDef) and node.name == "command" for node in TREES[module].body)
    return not entry(module) or (folder_of(module) == "cli" and not verb)


def at(module: str, line: int) -> str:
    return f"{MODULES[module].relative_to(SOURCE.parent)}:{line}"


def test_every_folder_has_a_place_in_the_table() -> None:
    folders = {path.name for path in (SOURCE / "llmdeploy").iterdir() if (path / "__init__.py").exists()}
    assert folders - set(BELOW) == set()


def test_imports_point_down() -> None:
    wrong = [
        f"{at(module, line)}: {folder_of(module)} imports {name}"
        for module in MODULES
        for name, line in own(module)
        if folder_of(name) not in reach(folder_of(module)) and not excepted(module, name)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", ONLY)
def test_pure_folders_know_only_what_they_need(folder: str) -> None:
    wrong = [
        f"{at(module, line)}: {name}"
        for module in MODULES
        if folder_of(module) == folder
        for name, line in own(module)
        if folder_of(name) != folder and name not in ONLY[folder] and not excepted(module, name)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", APART)
def test_siblings_do_not_import_each_other(folder: str) -> None:
    wrong = [
        f"{at(module, line)}: {name}"
        for module in MODULES
        if folder_of(module) == folder and module not in COMPOSES_SIBLINGS and entry(module)
        for name, line in own(module)
        if folder_of(name) == folder and entry(name) != entry(module) and not is_shared(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_command_line_knows_click() -> None:
    wrong = [
        at(module, line)
        for module in MODULES
        for name, line in imports(module)
        if name.split(".")[0] == "click" and folder_of(module) != "cli"
    ]
    assert not wrong, wrong


def at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is imported: not the bodies of functions, nor the `__main__` guard."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
                yield part
                yield from at_import(part)
        elif isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue
        elif not isinstance(node, ast.Lambda | ast.AnnAssign):
            yield node
            yield from at_import(node)
        elif isinstance(node, ast.AnnAssign) and node.value:
            yield node.value
            yield from at_import(node.value)


def own_names(tree: ast.Module) -> set[str]:
    """Classes and functions of the module itself, and names imported from this package."""
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("llmdeploy"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_importing_calls_nothing_with_an_effect() -> None:
    wrong = []
    for module, tree in TREES.items():
        allowed = PURE_CALLS | PURE_CALLS_OF_A_FOLDER.get(folder_of(module), set()) | own_names(tree)
        for node in at_import(tree):
            text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Call) else ""
            if isinstance(node, ast.Attribute) and text in EFFECTFUL_NAMES:
                wrong.append(f"{at(module, node.lineno)}: {text}")
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called not in allowed and called.rpartition(".")[2] not in allowed:
                    wrong.append(f"{at(module, node.lineno)}: {called}()")
    assert not wrong, "\n".join(wrong)


# Imports each module in a fork of one interpreter that has loaded nothing yet, and records what it did.
WATCH = """
import importlib, json, os, sys
modules, writing = json.loads(sys.argv[1]), os.O_WRONLY | os.O_RDWR | os.O_CREAT
found = []
def watch(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & writing:
        found.append(f"{event} {arguments[0]}")
    elif event.split(".")[0] in {"socket", "subprocess", "urllib", "ftplib", "sqlite3"}:
        found.append(f"{event} {arguments}")
    elif event in {"os.system", "os.exec", "os.posix_spawn", "os.mkdir", "os.remove", "os.rename"}:
        found.append(f"{event} {arguments}")
sys.addaudithook(watch)
problems = 0
for module in modules:
    sys.stdout.flush()
    if os.fork():
        problems += os.wait()[1] != 0
        continue
    try:
        importlib.import_module(module)
    except BaseException as error:
        found.append(repr(error))
    threading = sys.modules.get("threading")
    if threading and threading.active_count() > 1:
        found.append(f"threads {threading.enumerate()}")
    for line in found:
        print(f"{module}: {line}", flush=True)
    os._exit(bool(found))
sys.exit(problems > 0)
"""


def test_importing_any_module_has_no_effect_and_needs_nothing(tmp_path: Path) -> None:
    """In an empty folder, with no home, no PATH and no variables: no file, socket, process or thread."""
    command = [sys.executable, "-I", "-B", "-c", WATCH, json.dumps(list(MODULES))]
    result = subprocess.run(command, cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert list(tmp_path.iterdir()) == []


LOADED = """
import json, runpy, sys
sys.argv = ["llmdeploy", sys.argv[1]]
try:
    runpy.run_module("llmdeploy", run_name="__main__")
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_asking_for_help_loads_nothing_heavy(option: str) -> None:
    result = subprocess.run([sys.executable, "-I", "-c", LOADED, option], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    loaded = json.loads(result.stderr.splitlines()[-1])
    assert [name for name in loaded if name.startswith(HEAVY)] == []


def test_modules_are_small() -> None:
    sizes = {at(name, 1): len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    longest = sorted(((size, name) for name, size in sizes.items() if size > SECOND_LOOK), reverse=True)
    if longest:
        warnings.warn(f"worth a second look, over {SECOND_LOOK} lines: {longest}", stacklevel=1)
    assert [name for name, size in sizes.items() if size > MOST_LINES] == []
    assert statistics.median(size for size in sizes.values() if size) <= MEDIAN_LINES
