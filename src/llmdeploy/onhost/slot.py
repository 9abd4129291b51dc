"""What the unit of a slot runs: the engine as the slot's release says, and the wait until it answers."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NoReturn

from llmdeploy.onhost import ready


def become(command: list[str], more: dict[str, str]) -> NoReturn:
    os.execve(command[0], command, {**os.environ, **more})  # noqa: S606 - from a release that was signed


def main(argv: list[str]) -> int:
    """Becomes the engine, or waits for it."""
    parser = argparse.ArgumentParser(prog="llmdeploy.onhost.slot", allow_abbrev=False)
    parser.add_argument("what", choices=["run", "ready"])
    parser.add_argument("slot", type=Path, help="the slot's slot.json")
    args, rest = parser.parse_known_args(argv)
    about = json.loads(args.slot.read_text(encoding="utf-8"))
    if args.what == "run":
        become([str(word) for word in about["argv"]], about["env"])
    return ready.main(["--url", f"http://127.0.0.1:{about['port']}", "--model", about["served_name"], *rest])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
