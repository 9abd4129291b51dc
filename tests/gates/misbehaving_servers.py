"""Small HTTP servers that do one thing wrong, named for what they do, and two that behave as vLLM and llama.cpp do.

Each is an async context manager that yields its `Endpoint`. They listen on a free port of loopback.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from llmdeploy.endpoint import Endpoint
from llmdeploy.secret import Secret

KEY = Secret("the-key")
HEAD = "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{length}\r\n"


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: int, body: Any) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        length = f"Content-Length: {len(raw)}\r\n"
        await self.send(HEAD.format(status=status, kind="application/json", length=length).encode() + raw)

    async def begin_stream(self) -> None:
        chunked = "Transfer-Encoding: chunked\r\n"
        await self.send(HEAD.format(status=200, kind="text/event-stream", length=chunked).encode())

    async def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        await self.send(http_chunk(f"data: {text}\n\n".encode()))

    async def end_stream(self) -> None:
        await self.send(b"0\r\n\r\n")


Handler = Callable[[Request], Awaitable[None]]
Server = AbstractAsyncContextManager[Endpoint]


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def delta(content: Any = None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content, **fields}, "finish_reason": finish}]}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


async def whole_stream(
    request: Request, words: tuple[str, ...] = ("Paris", " it", " is"), before_s: float = 0.0
) -> None:
    await request.begin_stream()
    await request.event(delta(None, role="assistant"))
    await asyncio.sleep(before_s)
    for word in words:
        await request.event(delta(word))
    await request.event(delta(finish="stop"))
    await request.event(usage(12, len(words)))
    await request.event("[DONE]")
    await request.end_stream()


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Endpoint]:
    """A server that hands every request to `handler`, one a connection, and then closes the connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            await handler(Request(head[0].split()[1], headers, body, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has gone
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(connection(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, backlog=1024)
    scheme = "https" if tls else "http"
    try:
        port = server.sockets[0].getsockname()[1]
        yield Endpoint(url=f"{scheme}://127.0.0.1:{port}", model="demo", key=KEY)
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def behaves() -> Server:
    return serving(whole_stream)


def truncates_streams() -> Server:
    async def handler(request: Request) -> None:
        await request.begin_stream()
        await request.event(delta("Par"))

    return serving(handler)


def ends_without_done() -> Server:
    async def handler(request: Request) -> None:
        await request.begin_stream()
        await request.event(delta("Paris", finish="stop"))
        await request.end_stream()

    return serving(handler)


def ends_without_finish_reason() -> Server:
    async def handler(request: Request) -> None:
        await request.begin_stream()
        await request.event(delta("Paris"))
        await request.event("[DONE]")
        await request.end_stream()

    return serving(handler)


def never_answers() -> Server:
    async def handler(request: Request) -> None:
        await asyncio.sleep(3600)

    return serving(handler)


def stops_in_the_middle() -> Server:
    async def handler(request: Request) -> None:
        await request.begin_stream()
        await request.event(delta("Par"))
        await asyncio.sleep(3600)

    return serving(handler)


def answers_500() -> Server:
    return serving(lambda request: request.answer(500, {"error": {"message": "out of memory", "code": 500}}))


def hangs_up() -> Server:
    async def handler(request: Request) -> None:
        return

    return serving(handler)


def speaks_gibberish() -> Server:
    return serving(lambda request: request.send(b"\x00\x01 nothing of HTTP\r\n\r\n"))


def fails_inside_the_stream() -> Server:
    async def handler(request: Request) -> None:
        await request.begin_stream()
        await request.event(delta("Par"))
        await request.event({"error": {"message": "slot lost", "code": 500}})
        await request.end_stream()

    return serving(handler)


def sends_one_byte_at_a_time() -> Server:
    async def handler(request: Request) -> None:
        await request.begin_stream()
        events = [delta("Zür"), delta("ich"), delta(finish="stop"), usage(12, 2)]
        # CRLF line ends and a comment, as server-sent events allow them.
        lines = [f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n" for event in events]
        for byte in b": ping\r\n\r\n" + "".join(lines).encode() + b"data: [DONE]\r\n\r\n":
            await request.send(http_chunk(bytes([byte])))
        await request.end_stream()

    return serving(handler)


def closes_kept_alive() -> Server:
    """Promises to keep the connection (HTTP/1.1 does, unless it says otherwise), and closes it after each answer."""
    return serving(lambda request: request.answer(200, completion("Paris")))


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 12, "completion_tokens": 2}}


def slow_first_token(delay_s: float) -> Server:
    return serving(lambda request: whole_stream(request, before_s=delay_s))


def thinks_as_vllm_does() -> Server:
    """vLLM's shapes: an empty first content, reasoning in two spellings, a finish reason on the last text."""

    async def handler(request: Request) -> None:
        await request.begin_stream()
        await request.event(delta("", role="assistant"))
        await asyncio.sleep(0.05)
        await request.event(delta(None, reasoning_content="hmm"))
        await request.event(delta(None, reasoning=" well"))
        await request.event(delta("Paris", finish="stop"))
        await request.event(usage(12, 3))
        await request.event("[DONE]")
        await request.end_stream()

    return serving(handler)


def stalls_once(after_s: float, stall_s: float) -> Server:
    """Answers at once, but for one window in which nothing is answered: who comes in it waits until it ends."""
    loop = asyncio.get_running_loop()
    opened = loop.time()

    async def handler(request: Request) -> None:
        now = loop.time() - opened
        if after_s <= now < after_s + stall_s:
            await asyncio.sleep(after_s + stall_s - now)
        await whole_stream(request)

    return serving(handler)
