"""SIGKILL of `up` at many moments, each followed by `up`: the end is always the same, and no process is orphaned.

    .venv/bin/python scripts/bench/kill_up.py [--moments 30]

Every moment starts from nothing. The moments are spread evenly over the time of one undisturbed run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from measuring import ask, command, free_port, plan_of, seconds, spec, state

SHORT = "workload: {concurrency: 2, prompt_tokens: 32, output_tokens: 16}\ntest: {load: {duration: 300ms}}\n"


def killed_after(moment: float, folder: Path) -> bool:
    """Start `up`, kill it after `moment` seconds; true when it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "llmdeploy", "up", "-y"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(moment)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return alive


def final_state(folder: Path, port: int) -> dict[str, Any]:
    """What must be the same whenever `up` was killed: processes by role, plan, answer, files."""
    roles: dict[str, int] = {}
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if any(str(folder) in part for part in line):
            role = next((part for part in line if part.startswith(("llmdeploy.", "supervisor."))), line[0])
            roles[role] = roles.get(role, 0) + 1
    return {
        "processes": roles,
        "plan": str(plan_of(folder)["digest"]),
        "answer": ask(port, (state(folder) / "key").read_text().strip()),
        "files": sorted(path.name for path in state(folder).iterdir() if not path.name.endswith(("-wal", "-shm"))),
    }


def one(moment: float, port: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        spec(folder, port, SHORT)
        alive = killed_after(moment, folder)
        again = command("up", "-y", cwd=folder)
        found = final_state(folder, port) if again.returncode == 0 else {"error": again.stderr[-2000:]}
        down = command("down", cwd=folder)
        left = [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
        return {"moment": moment, "killed": alive, "end": found, "down": down.returncode, "left": left}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=30)
    moments = parser.parse_args().moments
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        spec(Path(name), port, SHORT)
        whole = seconds(lambda: command("up", "-y", cwd=Path(name)))
        command("down", cwd=Path(name))
    runs = [one(whole * (number + 0.5) / moments, port) for number in range(moments)]
    ends = {json.dumps(run["end"], sort_keys=True) for run in runs}
    clean = all(run["down"] == 0 and not run["left"] for run in runs)
    found = {
        "moments": moments,
        "undisturbed seconds": round(whole, 2),
        "killed while at work": sum(run["killed"] for run in runs),
        "different ends": len(ends),
        "clean after down": clean,
        "end": [json.loads(end) for end in ends],
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0 if len(ends) == 1 and clean and "error" not in runs[0]["end"] else 1


if __name__ == "__main__":
    os.environ.pop("LLMDEPLOY_STATE", None)
    sys.exit(main())
