"""What every file of the repository keeps to: it speaks of the project alone, its locks are whole, its code is safe."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.checkout import ROOT, files

# Where packages come from is the reader's choice (pip's and apt's own settings), never an address in a file.
REGISTRIES = [
    r"\bpypi\.(org|python\.org)",
    r"pythonhosted\.org",
    r"registry\.(npmjs|yarnpkg)\.",
    r"\b(deb|security|ftp)\.debian\.org",
    r"\b(archive|security|ports)\.ubuntu\.com",
    r"\bartifactory\b",
    r"\bdevpi\b",
    r"//mirrors?\.(?!example)",
    r"(index-url|find-links)[ =]+(https?|file):(?!//\S*\.example)",
]
MACHINE_PATHS = [
    r"/wor[k]/",
    r"/roo[t]/",
    r"/home/(?!user\b|llm|you\b|ubuntu\b|\{)\w+/",
    r"/User[s]/\w",
    r"\.pyen[v]/versions",
    r"\.\./share[d]\b",
]
MAKING_OF = [
    r"\bissues? #?\d\d?\b",  # an upstream project's has more digits
    r"\b(this|earlier|previous|another|next) session\b",
    r"\bcl[a]ude\b",
    r"\banthr[o]pic\b",
    r"\bchat ?gpt\b",
    r"\bcopil[o]t\b",
    r"\bsub-?ag[e]nt",
    r"\bAI[- ](written|generated)",
    r"\bthe l[e]ad (engineer|writes|adjusts|said)",
    r"\bbri[e]f\.md",
]
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib"}
UNSAFE_CALLS = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen", "eval", "exec"}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@cache
def texts() -> dict[Path, str]:
    """The text files of the checkout; weights and pictures are left out."""
    found = {}
    for path in files():
        try:
            found[path] = (ROOT / path).read_text("utf-8")
        except UnicodeDecodeError:
            assert path.suffix in {".gguf", ".png", ".ico", ".woff2"}, f"{path} is neither UTF-8 nor a known binary"
    return found


def is_a_foreign_name(path: Path, line: str) -> bool:
    """A package in the lock of vLLM is called as its authors call it: vLLM asks for it, not this project."""
    vllm = path.parent == Path("requirements") and path.name in {"vllm-cuda.txt", "vllm-cpu.txt"}
    return vllm and re.fullmatch(r"[a-z0-9-]+==[0-9.]+ \\", line) is not None


def matches(patterns: list[str]) -> list[str]:
    """Each line that one of the patterns matches, as file:line."""
    pattern = re.compile("|".join(patterns), re.IGNORECASE)
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts().items()
        if path != Path("LICENSE") and pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line) and not is_a_foreign_name(path, line)
    ]


@pytest.mark.parametrize(
    "patterns", [REGISTRIES, MACHINE_PATHS, MAKING_OF], ids=["registries", "machine-paths", "making-of"]
)
def test_files_speak_of_the_project_alone(patterns: list[str]) -> None:
    assert matches(patterns) == []


def locked(path: Path) -> Iterator[tuple[Requirement, int]]:
    """Each requirement of a lock and the number of its hashes."""
    for block in re.split(r"\n(?=\S)", path.read_text("utf-8").strip()):
        name, *options = block.replace("\\\n", "\n").split("\n")
        yield Requirement(name.strip()), sum(option.strip().startswith("--hash=sha256:") for option in options)


def pins(name: str) -> dict[str, str]:
    """Package -> version of a lock."""
    found: dict[str, str] = {}
    for requirement, _ in locked(ROOT / "requirements" / name):
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{requirement} is not an exact version"
        found[canonicalize_name(requirement.name)] = specifier.version
    return found


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_hashes(path: Path) -> None:
    assert [str(requirement) for requirement, hashes in locked(path) if not hashes] == []


def unlocked(requirements: list[str], lock: str) -> list[str]:
    """The requirements that a lock does not meet."""
    versions = pins(lock)
    wanted = [Requirement(text) for text in requirements]
    met = {
        str(requirement)
        for requirement in wanted
        if (version := versions.get(canonicalize_name(requirement.name)))
        and requirement.specifier.contains(Version(version), prereleases=True)
    }
    return [str(requirement) for requirement in wanted if str(requirement) not in met]


def test_the_locks_meet_the_project_requirements() -> None:
    runtime = PROJECT["project"]["dependencies"]
    test = PROJECT["dependency-groups"]["test"] + PROJECT["build-system"]["requires"]
    assert unlocked(runtime, "runtime.txt") == []
    assert unlocked(runtime + test, "test.txt") == []


def test_the_test_lock_holds_the_runtime_lock() -> None:
    """scripts/llmdeploy runs from an environment that scripts/test made: the same versions must be in it."""
    assert pins("runtime.txt").items() <= pins("test.txt").items()


def test_hosts_run_the_versions_of_the_runtime_lock() -> None:
    """What was tested on the machine that deploys is what a host installs."""
    assert pins("host.txt").items() <= pins("runtime.txt").items()


def test_vllm_is_of_one_version_wherever_it_runs() -> None:
    """What was seen on processors is what GPUs get, in an environment or in an image."""
    version = pins("vllm-cuda.txt")["vllm"]
    assert pins("vllm-cpu.txt")["vllm-cpu"] == version
    assert f":v{version}" in (ROOT / "src/llmdeploy/engines/vllm.py").read_text("utf-8")


def test_builds_for_cuda_are_not_in_the_lock_for_processors() -> None:
    cpu = pins("vllm-cpu.txt")
    assert cpu["torch"].endswith("+cpu")
    assert not [name for name in cpu if name.startswith(("nvidia-", "triton", "torchvision", "torchaudio"))]


def test_the_license_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_what_begins_like_a_program_can_be_run() -> None:
    """Modules and templates of the playbooks are run on a host, where Ansible sets their mode."""
    programs = [path for path, text in texts().items() if text.startswith("#!") and path.parts[0] != "playbooks"]
    assert {Path("scripts/llmdeploy"), Path("scripts/test"), Path("scripts/lock"), Path(".ci/run")} <= set(programs)
    assert [str(path) for path in programs if not os.access(ROOT / path, os.X_OK)] == []


def unsafe(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Shells, loaders that run code, and calls of that kind, with their line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            yield from ((node.lineno, name) for name in names if name.split(".")[0] in UNSAFE_MODULES)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in UNSAFE_CALLS:
                yield node.lineno, called
            for keyword in node.keywords:
                if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                    yield node.lineno, f"{called}(shell=...)"


def test_code_has_no_shell_and_no_loader_that_runs_code() -> None:
    code = {
        path: text for path, text in texts().items() if path.suffix == ".py" and path.parts[0] in {"src", "scripts"}
    }
    assert code
    wrong = [f"{path}:{line}: {what}" for path, text in code.items() for line, what in unsafe(ast.parse(text))]
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from marshal import loads",
        "yaml.load(x)",
        "run('ls', shell=True)",
        "run('ls', shell=flag)",
        "eval('1')",
    ],
)
def test_the_check_for_unsafe_code_finds_it(text: str) -> None:
    assert list(unsafe(ast.parse(text)))
