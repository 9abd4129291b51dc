"""Runs llama.cpp's HTTP server inside this process: `python -m llmdeploy.engines.llamacpp --model FILE ...`.

Flags are llama-server's own. The server's threads never take Python's lock; this one only waits for a signal.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from llmdeploy.adapters.orphans import die_with_parent

STOP_SECONDS = 8
ERRORS = 1  # llama.cpp: 1 errors, 2 warnings, 3 information


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="llmdeploy.engines.llamacpp", allow_abbrev=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ctx-size", type=int, required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--ctx-checkpoints", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--api-key-file", type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    args = parse(argv)
    die_with_parent()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.alias}
    params.hostnames = [args.host]
    params.port = args.port
    params.n_ctx = args.ctx_size
    params.n_parallel = args.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.cache_ram_mib = 0  # prompts kept beside the slots: 8 GiB by default, and memory was planned without it
    params.n_ctx_checkpoints = args.ctx_checkpoints
    params.fit_params = False  # llmdeploy has fitted the model to the memory already
    params.verbosity = ERRORS  # at 2 two lines for a known prompt, at 3 eight: each wakes the supervisor, 6 % of TTFT
    params.endpoint_metrics = params.endpoint_slots = True
    params.use_jinja = params.offline = True
    params.api_keys = [args.api_key_file.read_text().strip()]
    # Blocked before the server starts its threads, so that they inherit it and only sigwait sees the signal.
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    server = xllamacpp.Server(params)
    sys.stdout.write(f"listening on {server.listening_address}\n")
    sys.stdout.flush()
    signal.sigwait(stop)
    signal.alarm(STOP_SECONDS)  # with dozens of clients gone at once, llama.cpp was seen to wait for ever
    del server
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
