"""Prints what a host has as one JSON document. Sent through SSH to a bare host: only Python's own library, 3.7+.

Arguments: the deployment's name, the port of the SSH server. Memory and disk are in bytes, `time` in epoch seconds.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from typing import Any

STORE = "/var/lib/llmdeploy/store"
PACKAGES = "/var/lib/llmdeploy/packages/store"
NVIDIA = "0x10de"
QUERY = "index,name,memory.total,memory.free,driver_version,uuid"


def text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def number(path: str) -> int | None:
    word = text(path).strip()
    return int(word) if word.lstrip("-").isdigit() else None


def pairs(content: str, between: str) -> dict[str, str]:
    found = {}
    for line in content.splitlines():
        key, mark, value = line.partition(between)
        if mark:
            found[key.strip()] = value.strip().strip('"')
    return found


def ran(*command: str) -> tuple[int, str]:
    """Exit code and output of a program; 127 where it is not there."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    except OSError:
        return 127, ""
    except subprocess.TimeoutExpired:
        return 124, "no answer within 20 s"
    return done.returncode, done.stdout.decode(errors="replace").strip()


def processor() -> dict[str, Any]:
    flags: list[str] = []
    cores: set[tuple[str | None, str]] = set()
    for block in text("/proc/cpuinfo").split("\n\n"):
        fields = pairs(block, ":")
        flags = (fields.get("flags") or fields.get("Features") or "").split() or flags
        if "core id" in fields:
            cores.add((fields.get("physical id"), fields["core id"]))
    usable = len(os.sched_getaffinity(0))
    return {"cores": usable, "physical_cores": min(usable, len(cores) or usable), "flags": flags}


def memory() -> dict[str, int]:
    """Total and available, as the kernel says; a limit on the whole machine (a container's) where there is one."""
    table = pairs(text("/proc/meminfo"), ":")
    total, free = (int(table.get(key, "0 kB").split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    return {"total": total, "available": free, "swap": int(table.get("SwapTotal", "0 kB").split()[0]) * 1024}


def is_own(process: str, deployment: str) -> bool:
    """Whether a process belongs to an engine of the deployment, by its cgroup."""
    ours = "/llmdeploy-" + re.escape(deployment) + r"-(engine-[0-9]+|slot-[ab])\.service(/|$)"
    return bool(re.search(ours, text("/proc/" + process + "/cgroup"), re.MULTILINE))


def own_engines(deployment: str) -> int:
    """Bytes that engines of the deployment hold now, mapped files aside: a new plan may have them again."""
    held = 0
    for process in filter(str.isdigit, os.listdir("/proc")):
        if is_own(process, deployment):
            fields = text("/proc/" + process + "/statm").split()
            if len(fields) > 2:
                held += (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")
    return held


def pci_gpus() -> int:
    """NVIDIA display and 3D controllers on the bus, driver or not."""
    root, found = "/sys/bus/pci/devices", 0
    for device in os.listdir(root) if os.path.isdir(root) else []:
        kind = text(os.path.join(root, device, "class")).strip()
        found += text(os.path.join(root, device, "vendor")).strip() == NVIDIA and kind[:6] in ("0x0300", "0x0302")
    return found


def own_gpu_memory(deployment: str) -> dict[str, int]:
    """Bytes that engines of the deployment hold of each GPU, by its UUID."""
    code, said = ran("nvidia-smi", "--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,noheader,nounits")
    held: dict[str, int] = {}
    for line in said.splitlines() if code == 0 else []:
        fields = [part.strip() for part in line.split(",")]
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit() and is_own(fields[1], deployment):
            held[fields[0]] = held.get(fields[0], 0) + int(fields[2]) * 1024 * 1024
    return held


def gpus(deployment: str) -> dict[str, Any]:
    """GPUs as the driver shows them; `own` is what engines of the deployment hold."""
    code, said = ran("nvidia-smi", "--query-gpu=" + QUERY, "--format=csv,noheader,nounits")
    if code:
        return {"gpus": [], "gpu_error": "" if code == 127 else (said.splitlines() or ["exit %d" % code])[0]}
    found, own = [], own_gpu_memory(deployment)
    for line in said.splitlines():
        index, name, total, free, driver, uuid = [part.strip() for part in line.split(",")]
        mib = 1024 * 1024
        if not (total.isdigit() and free.isdigit()):
            return {"gpus": [], "gpu_error": "GPU " + index + ": memory " + total}
        found.append({"index": int(index), "name": name, "memory_total": int(total) * mib,
                      "memory_free": int(free) * mib, "driver": driver, "uuid": uuid,
                      "own": own.get(uuid, 0)})  # fmt: skip
    return {"gpus": found, "gpu_error": ""}


def listeners() -> list[tuple[int, str]]:
    """TCP ports that somebody listens on, with the systemd unit where root may look."""
    inodes: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in text(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                inodes[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    units = _units_of(set(inodes)) if os.getuid() == 0 else {}
    return sorted({(port, units.get(inode, "")) for inode, port in inodes.items()})


def _units_of(inodes: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        folder = "/proc/" + name + "/fd"
        try:
            sockets = [os.readlink(os.path.join(folder, one)) for one in os.listdir(folder)]
        except OSError:
            continue
        for inode in inodes.intersection(one[8:-1] for one in sockets if one.startswith("socket:[")):
            groups = text("/proc/" + name + "/cgroup").split()
            found[inode] = next((part for path in groups for part in path.split("/") if part.endswith(".service")), "")
    return found


def network() -> list[dict[str, Any]]:
    """Interfaces that are up, with their speed in Mbit/s where the driver tells."""
    found = []
    for name in sorted(os.listdir("/sys/class/net")):
        place = "/sys/class/net/" + name
        if name != "lo" and text(place + "/operstate").strip() in ("up", "unknown"):
            found.append({"name": name, "mbit": number(place + "/speed") or 0})
    return found


def numa() -> list[str]:
    root = "/sys/devices/system/node"
    nodes = sorted(name for name in (os.listdir(root) if os.path.isdir(root) else []) if name[4:].isdigit())
    return [text(os.path.join(root, name, "cpulist")).strip() for name in nodes if name.startswith("node")]


TIME_DAEMONS = ("chrony.service", "chronyd.service", "ntpsec.service", "ntp.service", "openntpd.service")


def time_daemon() -> str:
    """A time daemon that runs already, other than systemd's own."""
    said = ran("systemctl", "is-active", *TIME_DAEMONS)[1].splitlines()
    return next((unit for unit, state in zip(TIME_DAEMONS, said) if state == "active"), "")


def disk(path: str) -> int:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return shutil.disk_usage(path).free


def installed(name: str) -> dict[str, list[str]]:
    """What of llmdeploy is here: complete artifacts, and units of this deployment."""
    stores = [place for place in (STORE, PACKAGES) if os.path.isdir(place) and os.access(place, os.R_OK)]
    store = sorted(one for place in stores for one in os.listdir(place))
    units = [one for one in os.listdir("/etc/systemd/system") if one.startswith("llmdeploy-" + name + "-")]
    return {"artifacts": [one for one in store if not one.startswith(".")], "units": sorted(units)}


def facts(name: str, ssh_port: str) -> dict[str, Any]:
    system = pairs(text("/etc/os-release"), "=")
    version = ran("systemctl", "--version")[1].split()
    return {
        "os": {"id": system.get("ID", ""), "version": system.get("VERSION_ID", ""), "codename":
               system.get("VERSION_CODENAME", ""), "name": system.get("PRETTY_NAME", platform.platform())},
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "systemd": int(version[1]) if len(version) > 1 and version[1].isdigit() else 0,
        "running": ran("systemctl", "is-system-running")[1],
        "root": os.getuid() == 0,
        "processor": processor(),
        "memory": memory(),
        "own_engines": own_engines(name),
        "disk": {
            "store": disk("/var/lib/llmdeploy"),
            "runtimes": disk("/opt/llmdeploy"),
            "images": disk("/var/lib/containers"),
        },
        "pci_gpus": pci_gpus(),
        "listeners": listeners(),
        "network": network(),
        "time_daemon": time_daemon(),
        "numa": numa(),
        "ssh_port": int(ssh_port) if ssh_port.isdigit() else 22,
        "boot": text("/proc/sys/kernel/random/boot_id").strip(),
        "time": time.time(),
        **gpus(name),
        **installed(name),
    }  # fmt: skip


if __name__ == "__main__":
    json.dump(facts(*([*sys.argv[1:], "", ""][:2])), sys.stdout)
