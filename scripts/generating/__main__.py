"""Run by scripts/generate: `[--check] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run by its folder: what it imports begins at the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts.generating.pages import differing, write

ROOT = Path(__file__).resolve().parents[2]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="generate", description="Write docs/reference/ from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where a file differs")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/reference", help="folder (default: docs/reference)")
    args = parser.parse_args(argv)
    found = differing(args.out) if args.check else write(args.out)
    for path in found:
        print(f"{'differs' if args.check else 'wrote'}: {path}", file=sys.stderr)
    if args.check and found:
        print("hint: run scripts/generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
