"""One HTTP request and its answer over a connection of its own: asyncio moves the bytes, h11 reads the
framing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

import h11

from llmdeploy.adapters.openai_client.failure import RequestError

READ_SIZE = 65_536
LARGEST_BODY = 32 * 2**20  # bytes; no answer of a model comes near it


@dataclass(frozen=True)
class Origin:
    """Where to connect. `prefix` is a path in front of every target; `tls` is None for plain HTTP."""

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str, tls: ssl.SSLContext | None = None) -> Origin:
        """The origin of `http://host:port`; `https` without a context trusts the system's authorities."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (443 if secure else 80),
            prefix=parts.path.rstrip("/"),
            tls=(tls or ssl.create_default_context()) if secure else None,
        )

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Exchange:
    """Send once, then `status()`, then `body()`. `received` is when the newest bytes arrived
    (`perf_counter`).
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(our_role=h11.CLIENT)
        self._answering = False
        self._closed_by_peer = False
        self.received = 0.0

    def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Hands over the whole request without waiting: a server that refuses early is heard while it is
        sent.
        """
        request = h11.Request(method=method, target=target, headers=headers)
        parts = [self._http.send(request), self._http.send(h11.Data(body)) if body else b""]
        self._writer.write(b"".join(part or b"" for part in (*parts, self._http.send(h11.EndOfMessage()))))

    async def status(self) -> int:
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                self._answering = True
                return int(event.status_code)

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The body in the pieces in which it came."""
        size = 0
        while isinstance(event := await self._event(), h11.Data):
            size += len(event.data)
            if size > LARGEST_BODY:
                raise RequestError(f"protocol: the answer is larger than {LARGEST_BODY} bytes")
            yield bytes(event.data)

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                received = await self._read()
                self._http.receive_data(received)
        except h11.RemoteProtocolError as error:
            raise RequestError(self._cut_or(f"protocol: {error}")) from error
        return event  # type: ignore[return-value]

    async def _read(self) -> bytes:
        try:
            received = await self._reader.read(READ_SIZE)
        except ConnectionError as error:
            self._closed_by_peer = True
            raise RequestError(self._cut_or("disconnected")) from error
        self.received = perf_counter()
        self._closed_by_peer = not received
        return received

    def _cut_or(self, otherwise: str) -> str:
        if not self._closed_by_peer:
            return otherwise
        return "truncated" if self._answering else "disconnected"

    def close(self) -> None:
        """Ends the connection at once; what is not yet written or read is dropped."""
        if self._http.their_state is h11.DONE:
            self._writer.close()
        else:
            self._writer.transport.abort()


@asynccontextmanager
async def connected(origin: Origin) -> AsyncIterator[Exchange]:
    """A connection for one exchange, closed at the end of the block whatever happens in it."""
    reader, writer = await asyncio.open_connection(origin.host, origin.port, ssl=origin.tls)
    exchange = Exchange(reader, writer)
    try:
        yield exchange
    finally:
        exchange.close()
