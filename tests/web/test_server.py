"""The page's server: what it gives, to whom, and what it refuses."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from typing import Any

import pytest

from llmdeploy.errors import StepError
from llmdeploy.web.server import page_server
from tests.web.served import asked, served


def nothing() -> dict[str, Any]:
    return {"state": "empty"}


def test_everything_the_page_asks_for_is_there_and_comes_from_here() -> None:
    with served(nothing) as port:
        status, headers, body = asked(port, "/")
        assert status == 200
        assert headers["content-type"].startswith("text/html")
        wanted = re.findall(r'(?:src|href)="([^"]+)"', body.decode())
        assert {"/app.js", "/charts.js", "/plotly.js", "/style.css"} <= set(wanted)
        for path in wanted:
            assert path.startswith(("/", "data:")), path
            if path.startswith("/"):
                assert asked(port, path)[0] == 200
        assert len(asked(port, "/plotly.js")[2]) > 1_000_000
        assert json.loads(asked(port, "/data.json")[2]) == nothing()
        assert asked(port, "/app.js", "HEAD")[2] == b""


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    with served(nothing) as port:
        for path in ("/", "/data.json", "/nowhere"):
            policy = asked(port, path)[1]["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "script-src 'self';" in policy
            assert not re.search(r"https?:|\*", policy)


@pytest.mark.parametrize("path", ["/nowhere", "/../errors.py", "/%2e%2e/errors.py", "//etc/passwd", "/server.py"])
def test_nothing_else_is_given(path: str) -> None:
    with served(nothing) as port:
        assert asked(port, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1"])
def test_another_name_is_refused(host: str) -> None:
    with served(nothing) as port:
        status, _, body = asked(port, "/data.json", host=host)
        assert status == 421
        assert b"empty" not in body


def test_its_own_names_are_answered() -> None:
    with served(nothing) as port:
        assert asked(port, "/", host=f"localhost:{port}")[0] == 200
        assert asked(port, "/", host=f"LocalHost:{port}")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_only_reads(method: str) -> None:
    with served(nothing) as port:
        assert asked(port, "/data.json", method)[0] == 501


def test_an_expected_error_is_data_for_the_page() -> None:
    def broken() -> dict[str, Any]:
        raise StepError("cannot read the history", "start the prober")

    with served(broken) as port:
        status, _, body = asked(port, "/data.json")
    assert (status, json.loads(body)) == (503, {"error": "cannot read the history", "hint": "start the prober"})


def test_a_busy_port_is_an_error_with_a_hint() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StepError, match="cannot listen") as caught:
            page_server("127.0.0.1", taken.getsockname()[1], nothing)
    assert "another port" in caught.value.hint


def test_the_charting_library_is_found_without_importing_its_package() -> None:
    script = (
        "import sys\nfrom llmdeploy.web.server import page_server\n"
        "page_server('127.0.0.1', 0, dict).server_close()\nprint('plotly' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
