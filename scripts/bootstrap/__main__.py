"""Makes the environment that scripts/llmdeploy and scripts/test run from. Standard library only.

    python -I scripts/bootstrap environment runtime|test VENV CHECKOUT
    python -I scripts/bootstrap packages REASON PACKAGE...

Everything is said on stderr. Exit codes: 0 ready, 4 something is missing, 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path

import debian
import environment
from errors import SetupError


def main(arguments: list[str]) -> int:
    """Run one of the two verbs; a failure becomes two lines and a code."""
    try:
        match arguments:
            case ["environment", "runtime" | "test" as level, venv, checkout]:
                environment.ensure(level, Path(venv), Path(checkout))
            case ["packages", reason, *packages]:
                debian.ensure(packages, reason)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except SetupError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("interrupted: the set-up is not finished; the next run repairs it", file=sys.stderr)
        return 130
    return 0


sys.exit(main(sys.argv[1:]))
