"""`python -m llmdeploy.prober --config FILE...`: watches one engine a file until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from llmdeploy.adapters.orphans import die_with_parent
from llmdeploy.errors import LlmdeployError
from llmdeploy.prober.config import ProberConfig


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="llmdeploy.prober", allow_abbrev=False)
    parser.add_argument("--config", type=Path, required=True, action="append", help="one for each engine")
    args = parser.parse_args(argv)
    die_with_parent()
    try:
        configs = [ProberConfig.read(path) for path in args.config]
        from llmdeploy.prober.service import run

        asyncio.run(run(configs))
    except LlmdeployError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n" if error.hint else f"error: {error.message}\n")
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
