"""Answers GET /metrics, and nothing else, on one port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from llmdeploy.errors import StepError
from llmdeploy.state import write_private

HEAD_DEADLINE_S = 5.0
HEAD_BYTES = 8192
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def listen(host: str, port: int, port_file: Path, text: Callable[[], bytes]) -> asyncio.Server:
    """Serve `text()` at /metrics. Port 0 takes the one of `port_file` again where it is free, so that a scraper
    keeps its target over a restart, else any free one.

    Raises StepError where the port is taken.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _answer(reader, writer, text)

    for wanted in (port,) if port else (_former(port_file), 0):
        try:
            return await asyncio.start_server(serve, host, wanted, limit=HEAD_BYTES)
        except OSError as error:
            if wanted == port:
                raise StepError(
                    f"the prober cannot listen on {host}:{port}: {error.strerror}",
                    "choose another port for the monitor, or 0 for any free one",
                ) from error
    raise AssertionError("port 0 either listens or raises")


def note_port(server: asyncio.Server, port_file: Path) -> int:
    """Write the port in use to `port_file`; the port."""
    port: int = server.sockets[0].getsockname()[1]
    write_private(port_file, f"{port}\n")
    return port


def _former(port_file: Path) -> int:
    try:
        text = port_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdecimal() and int(text) <= 65535 else 0


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: Callable[[], bytes]) -> None:
    try:
        async with asyncio.timeout(HEAD_DEADLINE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            method, _, rest = head.partition(b" ")
            path = rest.partition(b" ")[0].partition(b"?")[0]
            if path != b"/metrics":
                writer.write(_response("404 Not Found", b"metrics are at /metrics\n"))
            elif method not in (b"GET", b"HEAD"):
                writer.write(_response("405 Method Not Allowed", b"GET only\n"))
            else:
                writer.write(_response("200 OK", text(), with_body=method == b"GET"))
            await writer.drain()
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # nobody is left to tell; the connection ends below
    finally:
        writer.close()


def _response(status: str, body: bytes, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode() + (body if with_body else b"")
