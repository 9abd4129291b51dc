"""Reads pip's settings (mirror, certificate, proxy) and gives them in uv's terms.

Nothing is written to a file, and addresses, which may hold a password, go through the environment and not
through an argument list. Order and meaning as in pip's manual, "Configuration": global, user, site,
PIP_CONFIG_FILE, then PIP_* variables; [install] wins over [global].
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

# Where one of these is set, uv was configured by its user, and pip's settings are not mixed in.
UV_INDEX_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
)


def for_uv(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Environment variables and flags for uv; empty where pip has no settings or uv has its own."""
    settings = read(environ)
    wanted = {
        "SSL_CERT_FILE": settings.get("cert"),
        "SSL_CLIENT_CERT": settings.get("client-cert"),
        "ALL_PROXY": settings.get("proxy"),
        "UV_HTTP_TIMEOUT": settings.get("timeout", settings.get("default-timeout")),
        "UV_INSECURE_HOST": " ".join(settings.get("trusted-host", "").split()),
    }
    flags: list[str] = []
    if not any(name in environ for name in UV_INDEX_VARIABLES) and not uv_files(environ):
        wanted |= {
            "UV_DEFAULT_INDEX": settings.get("index-url"),
            "UV_INDEX": " ".join(settings.get("extra-index-url", "").split()),
            "UV_FIND_LINKS": ",".join(settings.get("find-links", "").split()),
            # pip takes a version from whichever index has it. The hashes say which file is right.
            "UV_INDEX_STRATEGY": "unsafe-best-match",
        }
        flags = ["--no-index"] if settings.get("no-index", "").lower() in {"1", "true", "yes", "on"} else []
    return {name: value for name, value in wanted.items() if value and name not in environ}, flags


def read(environ: Mapping[str, str]) -> dict[str, str]:
    """pip's settings for `pip install`, by their long option's name."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for path in pip_files(environ):
        parser = configparser.RawConfigParser()
        parser.read(path, "utf-8")
        for name, values in sections.items():
            if parser.has_section(name):
                values.update({key.replace("_", "-"): value for key, value in parser.items(name)})
    variables = {
        name[4:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("PIP_")
    }
    return sections["global"] | sections["install"] | variables


def pip_files(environ: Mapping[str, str]) -> list[Path]:
    """pip's configuration files in the order in which the later one wins; missing ones are in the list."""
    own = environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    home = Path(environ.get("HOME") or Path.home())
    shared = [
        Path(folder, "pip/pip.conf") for folder in reversed(environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"))
    ]
    users = [home / ".pip/pip.conf", config_home(environ, home) / "pip/pip.conf"]
    if sys.platform == "darwin":
        shared.append(Path("/Library/Application Support/pip/pip.conf"))
        users.append(home / "Library/Application Support/pip/pip.conf")
    if own and Path(own).exists():
        users = []
    return [
        *shared,
        Path("/etc/pip.conf"),
        *users,
        Path(sys.prefix, "pip.conf"),
        *([Path(own)] if own else []),
    ]


def uv_files(environ: Mapping[str, str]) -> list[Path]:
    """uv's own configuration files that exist."""
    home = Path(environ.get("HOME") or Path.home())
    return [path for path in (config_home(environ, home) / "uv/uv.toml", Path("/etc/uv/uv.toml")) if path.exists()]


def config_home(environ: Mapping[str, str], home: Path) -> Path:
    """The user's folder for configuration files."""
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
