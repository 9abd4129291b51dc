"""The distribution's packages with all that they need, as a folder that apt can install from: a tar on standard output.

Runs on a host with a package source, as any user; its arguments are names of packages. Nothing is installed: apt works
on lists, archives and a state of its own, in which no package is there yet.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FIELDS = ("Package", "Version", "Architecture")
SETTINGS = {
    "Dir::State::status": "status",
    "Dir::State::lists": "lists",
    "Dir::State::extended_states": "extended_states",
    "Dir::Cache::archives": "archives",
    "Dir::Cache::pkgcache": "pkgcache.bin",
    "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
}


def run(command: list[str]) -> str:
    """Its output. Ends with apt's own words where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
        sys.exit(f"{command[0]} {command[-1]}: {'; '.join(lines[:3]) or f'exit {done.returncode}'}")
    return done.stdout


def options(place: Path) -> list[str]:
    """A whole apt of its own, but for the sources and their keys."""
    for name in ("lists/partial", "archives/partial"):
        (place / name).mkdir(parents=True)
    (place / "status").touch()
    found = ["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]
    for key, name in SETTINGS.items():
        found += ["-o", f"{key}={place / name}"]
    return found


def stanza(deb: Path, given: list[str]) -> str:
    """The package's entry in the index of its repository, whose sha256 the file must have."""
    name, version, architecture = (run(["dpkg-deb", "-f", str(deb), field]).strip() for field in FIELDS)
    text = run(["apt-cache", *given, "show", f"{name}:{architecture}={version}"]).split("\n\n")[0].strip() + "\n"
    if f"\nSHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n" not in text:
        sys.exit(f"{deb.name} has another sha256 than its repository says")
    return re.sub(r"(?m)^Filename: .*$", f"Filename: ./{deb.name}", text)


def plainly_named(archives: Path) -> list[Path]:
    """The packages; apt writes the colon of a version as %3a, and would read that in an index as a colon."""
    for deb in archives.glob("*%3a*.deb"):
        deb.rename(deb.with_name(deb.name.replace("%3a", ".")))
    return sorted(archives.glob("*.deb"))


def main(packages: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="llmdeploy-packages-") as folder:
        place = Path(folder)
        given = options(place)
        run(["apt-get", *given, "-qq", "update"])
        run(["apt-get", *given, "-qq", "-y", "--no-install-recommends", "--download-only", "install", *packages])
        debs, index = plainly_named(place / "archives"), place / "Packages"
        index.write_text("\n".join(stanza(deb, given) for deb in debs))
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
            for path in (*debs, index):
                archive.add(path, path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
