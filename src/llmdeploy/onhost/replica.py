"""The engine of this host that `ready` and `smoke` ask: its address, its model, its key."""

from __future__ import annotations

import argparse
from pathlib import Path

from llmdeploy.endpoint import Endpoint
from llmdeploy.errors import StepError
from llmdeploy.secret import Secret


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", required=True, help="the engine's root on loopback")
    parser.add_argument("--model", required=True, help="the served name")
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--health-path", default="/health")
    parser.add_argument("--seconds", type=float, required=True, help="how long it may take in all")


def endpoint(args: argparse.Namespace) -> Endpoint:
    try:
        key = args.key_file.read_text().strip()
    except OSError as error:
        raise StepError(f"cannot read the engine's key {args.key_file}: {error.strerror}") from error
    return Endpoint(url=args.url, model=args.model, key=Secret(key), health_path=args.health_path)
