"""Serves the page: six addresses, one kind of request, no state."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llmdeploy.errors import LlmdeployError, MissingError, StepError

HERE = Path(__file__).parent
REQUEST_SECONDS = 10.0
HEADERS = {
    # Nothing from elsewhere and no inline script. Styles may be inline: Plotly writes its own into the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Page:
    """One file that the server gives."""

    path: Path
    content_type: str
    cache: str = "no-cache"


def plotly_file() -> Path:
    """The charting library inside the installed `plotly` package, which is not imported: that takes half a second.

    Raises MissingError where the package or the file is not there.
    """
    found = find_spec("plotly")
    path = Path(found.origin).parent / "package_data" / "plotly.min.js" if found and found.origin else None
    if path is None or not path.is_file():
        raise MissingError(
            "the package plotly, which holds the charting library, is not installed", "pip install plotly"
        )
    return path


def page_server(host: str, port: int, source: Callable[[], dict[str, Any]]) -> ThreadingHTTPServer:
    """A server that listens already and answers once `serve_forever` runs.

    `source` is called for every /data.json, from several threads; the LlmdeployError it raises is shown on the page.

    Raises StepError where the port is taken, MissingError where the charting library is.
    """
    pages = {
        "/": Page(HERE / "index.html", "text/html; charset=utf-8"),
        "/app.js": Page(HERE / "app.js", "text/javascript; charset=utf-8"),
        "/charts.js": Page(HERE / "charts.js", "text/javascript; charset=utf-8"),
        "/style.css": Page(HERE / "style.css", "text/css; charset=utf-8"),
        "/plotly.js": Page(plotly_file(), "text/javascript; charset=utf-8", "max-age=86400"),
    }

    class Handler(PageHandler):
        pass

    Handler.pages, Handler.source = pages, staticmethod(source)
    try:
        server = PageServer((host, port), Handler)
    except OSError as error:
        raise StepError(
            f"the page cannot listen on {host}:{port}: {error.strerror}", "choose another port, or 0 for any free one"
        ) from error
    Handler.hosts = allowed_hosts(host, server.server_port)
    return server


def serve_page(host: str, port: int, source: Callable[[], dict[str, Any]], told: Callable[[str], None]) -> None:
    """Serve until interrupted; `told` gets the address once the page can be opened."""
    with page_server(host, port, source) as server:
        told(f"http://{host}:{server.server_port}/")
        server.serve_forever(poll_interval=0.2)


def allowed_hosts(host: str, port: int) -> frozenset[str]:
    """Values of the Host header that are answered. Any other name that leads here is someone's attempt to read the page
    through a visitor's browser (DNS rebinding)."""
    names = {host}
    if host in ("127.0.0.1", "localhost", "::1"):
        names |= {"127.0.0.1", "localhost", "::1"}
    return frozenset(f"[{name}]:{port}" if ":" in name else f"{name}:{port}" for name in names)


class PageServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes its tab in the middle of an answer is no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class PageHandler(BaseHTTPRequestHandler):
    """Answers one connection. `pages`, `source` and `hosts` are set by `page_server`."""

    pages: dict[str, Page]
    source: Callable[[], dict[str, Any]]
    hosts: frozenset[str]
    protocol_version = "HTTP/1.1"
    timeout = REQUEST_SECONDS
    server_version, sys_version = "llmdeploy", ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.headers.get("Host", "").lower() not in self.hosts:
            self._send(HTTPStatus.MISDIRECTED_REQUEST, b"this page answers to its own address only\n")
        elif path == "/data.json":
            self._send_data()
        elif page := self.pages.get(path):
            self._send(HTTPStatus.OK, page.path.read_bytes(), page.content_type, page.cache)
        else:
            self._send(HTTPStatus.NOT_FOUND, b"there is no such page\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """A line for every second of every open tab would bury what matters."""

    def _send_data(self) -> None:
        status, data = HTTPStatus.OK, {}
        try:
            data = self.source()
        except LlmdeployError as error:
            status, data = HTTPStatus.SERVICE_UNAVAILABLE, {"error": error.message, "hint": error.hint}
        self._send(status, json.dumps(data).encode(), "application/json", "no-store")

    def _send(
        self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8", cache: str = "no-store"
    ) -> None:
        self.send_response(status)
        headers = {"Content-Type": content_type, "Content-Length": str(len(body)), "Cache-Control": cache, **HEADERS}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
