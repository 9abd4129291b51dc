"""Writes a copy of a prober's history to standard output, compressed. Sent through SSH; run as root.

Arguments: the deployment's name, the port of the SSH server (unused).
"""

from __future__ import annotations

import base64
import os
import sqlite3
import sys
import tempfile
import zlib


def main(name: str) -> None:
    source = "/var/lib/llmdeploy/" + name + "/prober/gateway/history.sqlite"
    if not os.path.exists(source):
        sys.exit("there is no history of the gateway's prober yet")
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        with sqlite3.connect(source) as live, sqlite3.connect(copy) as target:
            live.backup(target)
        with open(copy, "rb") as file:
            sys.stdout.write(base64.b85encode(zlib.compress(file.read(), 1)).decode())


if __name__ == "__main__":
    main(sys.argv[1])
