"""From a command line to an exit code: every error is caught here and nowhere else."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType

import click

from llmdeploy import __version__
from llmdeploy.cli.failure import describe, explain, failure_json
from llmdeploy.cli.verbs import Verbs
from llmdeploy.environment import Environment
from llmdeploy.errors import ExitCode, LlmdeployError


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="llmdeploy %(version)s")
def llmdeploy() -> None:
    """Deploy language models: one spec, one command, five steps.

    `llmdeploy up` serves a small model on this machine; `llmdeploy init` writes a spec to change that.
    """


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # No other package's plugin sees a spec, and pydantic does not search all packages for one, which takes 20 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    environment = Environment(sys.stdin, sys.stdout, sys.stderr, Path.cwd(), os.environ)
    return program(sys.argv[1:], environment)


def program(args: Sequence[str], environment: Environment) -> int:
    """Run one command line; returns the exit code and never raises."""
    try:
        with redirect_stdout(environment.stdout), redirect_stderr(environment.stderr):  # click writes to sys.stdout
            code = llmdeploy.main(list(args), prog_name="llmdeploy", obj=environment, standalone_mode=False)
        environment.stdout.flush()
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        asked = context.command_path if context else "llmdeploy"
        text = f"error: {error.format_message()}\nhint: `{asked} --help` shows what it takes"
        return _say(environment, text, ExitCode.USAGE)
    except LlmdeployError as error:
        return _tell(environment, error, "--json" in args)
    except (KeyboardInterrupt, click.Abort):  # click makes the first into the second
        text = "error: interrupted; what was done so far is in the report\nhint: run the same command again to go on"
        return _say(environment, text, ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit itself would complain
        return ExitCode.OK
    except OSError as error:
        explained = explain(error)
        return _tell(environment, explained, "--json" in args) if explained else _bug(environment)
    except Exception:  # noqa: BLE001 - the one place where a bug of ours is told from a user's mistake
        return _bug(environment)
    return int(code or ExitCode.OK)  # click returns what a verb's Exit carries


def _tell(environment: Environment, error: LlmdeployError, as_json: bool) -> int:
    """As text on stderr; with `--json` as a document on stdout too, where no session has printed one."""
    if as_json and not error.reported:
        import json

        environment.stdout.write(json.dumps({"ok": False, "error": failure_json(error)}, indent=1) + "\n")
        environment.stdout.flush()
    return _say(environment, describe(error, environment.cwd), error.exit_code)


def _say(environment: Environment, text: str, code: ExitCode) -> int:
    environment.stderr.write(text + "\n")
    environment.stderr.flush()
    return int(code)


def _bug(environment: Environment) -> int:
    """Save the traceback and name its file; where it cannot be saved, show it."""
    import traceback

    trace = traceback.format_exc()
    path = environment.state_root / f"bug-{environment.clock.now():.0f}.txt"
    last = trace.strip().splitlines()[-1]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(f"llmdeploy {__version__}\n{trace}")
    except OSError:
        return _say(environment, f"{trace}\nerror: this is a bug in llmdeploy: {last}", ExitCode.BUG)
    text = f"error: this is a bug in llmdeploy: {last}\nhint: please report it with the file {path}"
    return _say(environment, text, ExitCode.BUG)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
