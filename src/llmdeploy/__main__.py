"""`python -m llmdeploy` and the command `llmdeploy`."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] == ["--version"]:  # without loading the command line: scripts ask this often
        from llmdeploy import __version__

        print(f"llmdeploy {__version__}")  # noqa: T201
        return
    from llmdeploy.cli.main import main as run

    code = run()
    import gc

    gc.freeze()  # all ends with the process; else the exit of `up` searches 40,000 objects for garbage, 25 ms
    sys.exit(code)


if __name__ == "__main__":
    main()
