"""Starts a program with a secret from a file in one environment variable: no argument and no unit file holds it.

python -m llmdeploy.adapters.keyed --key-file FILE --variable NAME -- PROGRAM ARGUMENT...
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from llmdeploy.adapters.orphans import die_with_parent


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="llmdeploy.adapters.keyed", allow_abbrev=False)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--variable", required=True)
    parser.add_argument("program", nargs="+")
    args = parser.parse_args(argv)
    die_with_parent()  # survives the exec below
    environment = {**os.environ, args.variable: args.key_file.read_text(encoding="ascii").strip()}
    os.execvpe(args.program[0], args.program, environment)  # noqa: S606 - an argument list, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
