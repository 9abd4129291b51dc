from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from time import perf_counter

import pytest

from llmdeploy.adapters.openai_client import ChatRequest, OpenAIClient, Outcome, RequestError
from llmdeploy.endpoint import Endpoint
from llmdeploy.secret import Secret
from tests.engine_fixture import running_engine
from tests.gates import misbehaving_servers as servers

QUESTION = ChatRequest.ask("What is the capital of France?", max_tokens=16)


async def streamed(server: servers.Server, deadline_s: float = 5.0) -> Outcome:
    async with server as endpoint:
        return await OpenAIClient(endpoint).stream(QUESTION, deadline_s=deadline_s)


async def test_the_real_engine_streams_what_it_answers_in_one_piece() -> None:
    with running_engine() as (endpoint, _):
        client = OpenAIClient(endpoint)
        whole = await client.chat(QUESTION, deadline_s=10)
        pieces: list[str] = []
        outcome = await client.stream(QUESTION, deadline_s=10, on_text=pieces.append)
    assert whole.ok
    assert outcome.ok
    assert outcome.text == whole.text == "".join(pieces) == "The capital of France is Paris."
    assert outcome.finish_reason == whole.finish_reason == "stop"
    assert (
        (outcome.prompt_tokens, outcome.completion_tokens) == (whole.prompt_tokens, whole.completion_tokens) == (19, 8)
    )
    assert outcome.scheduled <= outcome.started <= outcome.sent <= outcome.tokens[0] < outcome.tokens[-1] <= outcome.end
    assert len(outcome.itls) == len(outcome.tokens) - 1 == 6
    assert 0 < outcome.ttft < outcome.e2e


async def test_more_requests_than_a_kept_connection_carries() -> None:
    with running_engine() as (endpoint, _):  # llama.cpp's server closes a connection after 100 requests
        client = OpenAIClient(endpoint)
        statuses = [(await client.get("/health", deadline_s=5)).status for _ in range(120)]
    assert statuses == [200] * 120


async def test_a_server_that_closes_connections_it_promised_to_keep_fails_no_request() -> None:
    async with servers.closes_kept_alive() as endpoint:
        client = OpenAIClient(endpoint)
        outcomes = [await client.chat(QUESTION, deadline_s=5) for _ in range(10)]
    assert [outcome.error for outcome in outcomes] == [""] * 10


async def test_refused() -> None:
    async with servers.behaves() as endpoint:
        pass
    outcome = await OpenAIClient(endpoint).stream(QUESTION, deadline_s=5)
    assert outcome.error == "refused"
    with pytest.raises(RequestError, match="refused") as failure:
        await OpenAIClient(endpoint).get("/health", deadline_s=5)
    assert "engine running" in failure.value.hint


@pytest.mark.parametrize(
    ("server", "error"),
    [
        (servers.truncates_streams, "truncated"),
        (servers.ends_without_done, "truncated"),
        (servers.ends_without_finish_reason, "truncated"),
        (servers.hangs_up, "disconnected"),
        (servers.answers_500, "http 500: out of memory"),
        (servers.fails_inside_the_stream, "stream error: slot lost"),
    ],
)
async def test_each_failure_has_its_name(server: type[servers.Server], error: str) -> None:
    outcome = await streamed(server())
    assert outcome.error == error
    assert outcome.end > outcome.started


async def test_what_is_not_http_is_named_so() -> None:
    assert (await streamed(servers.speaks_gibberish())).category == "protocol"


@pytest.mark.parametrize("server", [servers.never_answers, servers.stops_in_the_middle])
async def test_the_deadline_covers_the_whole_request(server: type[servers.Server]) -> None:
    outcome = await streamed(server(), deadline_s=0.3)
    assert outcome.error == "timeout"
    assert 0.3 <= outcome.e2e < 0.6


async def test_a_stream_that_was_cut_keeps_what_came() -> None:
    outcome = await streamed(servers.truncates_streams())
    assert outcome.text == "Par"
    assert len(outcome.tokens) == 1


async def test_bytes_may_come_one_by_one() -> None:
    outcome = await streamed(servers.sends_one_byte_at_a_time())
    assert (outcome.error, outcome.text, len(outcome.tokens)) == ("", "Zürich", 2)


async def test_the_first_token_is_the_first_text_and_not_the_first_byte() -> None:
    outcome = await streamed(servers.slow_first_token(0.2))
    assert outcome.ok
    assert 0.2 <= outcome.ttft < 0.4


async def test_reasoning_counts_as_tokens_and_is_kept_apart() -> None:
    outcome = await streamed(servers.thinks_as_vllm_does())
    assert (outcome.error, outcome.text, outcome.reasoning) == ("", "Paris", "hmm well")
    assert len(outcome.tokens) == 3
    assert outcome.ttft >= 0.05
    assert outcome.completion_tokens == 3


async def test_latency_counts_from_the_scheduled_time() -> None:
    async with servers.behaves() as endpoint:
        outcome = await OpenAIClient(endpoint).stream(QUESTION, deadline_s=5, scheduled=perf_counter() - 1)
    assert outcome.ttft > 1
    assert outcome.tokens[0] - outcome.started < 0.5


async def test_a_cancelled_request_tells_how_far_it_came() -> None:
    outcome = Outcome(scheduled=perf_counter())
    async with servers.stops_in_the_middle() as endpoint:
        came = asyncio.Event()
        asking = asyncio.create_task(
            OpenAIClient(endpoint).stream(QUESTION, deadline_s=5, into=outcome, on_text=lambda _: came.set())
        )
        await came.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert len(outcome.tokens) == 1


async def test_the_key_is_sent_and_can_be_left_out_or_replaced() -> None:
    seen: list[str | None] = []

    async def handler(request: servers.Request) -> None:
        seen.append(request.headers.get("authorization"))
        await request.answer(200, {})

    async with servers.serving(handler) as endpoint:
        clients = (
            OpenAIClient(endpoint),
            OpenAIClient(endpoint, anonymous=True),
            OpenAIClient(endpoint, key=Secret("other")),
        )
        for client in clients:
            await client.get("/health", deadline_s=5)
    assert seen == ["Bearer the-key", None, "Bearer other"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "too long", "code": 400}}', "too long"),
        (b'{"error": "Unauthorized"}', "Unauthorized"),
        (b'{"object": "error", "message": "too\\nlong"}', "too long"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
        (b"", ""),
        (b'{"error": "\\u001b[31mred"}', "\N{REPLACEMENT CHARACTER}[31mred"),
    ],
)
async def test_the_message_of_an_error_is_found_in_every_usual_shape(body: bytes, message: str) -> None:
    async with servers.serving(lambda request: request.answer(400, body)) as endpoint:
        answer = await OpenAIClient(endpoint).get("/x", deadline_s=5)
    assert answer.error_message == message


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": "x", "finish_reason": "stop"}]}'],
)
async def test_a_200_that_is_no_chat_completion_is_a_failure(body: bytes) -> None:
    async with servers.serving(lambda request: request.answer(200, body)) as endpoint:
        outcome = await OpenAIClient(endpoint).chat(QUESTION, deadline_s=5)
    assert outcome.category == "protocol"


@pytest.mark.parametrize(
    "event",
    [
        "{not json",
        "[1]",
        '{"choices": [3]}',
        '{"choices": 3}',
        '{"usage": 3}',
        '{"usage": {"prompt_tokens": "many"}}',
        '{"choices": [{"delta": {"content": 3}}]}',
        '{"choices": [{"delta": {}, "finish_reason": [1]}]}',
    ],
)
async def test_an_event_of_another_shape_is_a_failure(event: str) -> None:
    async def handler(request: servers.Request) -> None:
        await request.begin_stream()
        await request.event(event)
        await request.event("[DONE]")

    assert (await streamed(servers.serving(handler))).category == "protocol"


async def test_an_answer_without_end_is_cut_off() -> None:
    async def handler(request: servers.Request) -> None:
        await request.begin_stream()
        while True:
            await request.send(servers.http_chunk(b"x" * 1_000_000))

    outcome = await streamed(servers.serving(handler), deadline_s=20)
    assert outcome.error.startswith("protocol: the answer is larger")


def own_authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server context with a fresh self-signed certificate for 127.0.0.1, and that certificate."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: no certificate can be made")
async def test_tls_with_an_own_authority(tmp_path: Path) -> None:
    context, certificate = own_authority(tmp_path)
    async with servers.serving(servers.whole_stream, tls=context) as endpoint:
        trusting = OpenAIClient(endpoint, tls=ssl.create_default_context(cafile=certificate))
        trusted = await trusting.stream(QUESTION, deadline_s=5)
        stranger = await OpenAIClient(endpoint).stream(QUESTION, deadline_s=5)
    assert (trusted.error, trusted.text) == ("", "Paris it is")
    assert stranger.category == "tls"
    assert "self" in stranger.error


async def test_an_unknown_host_is_named_so() -> None:
    endpoint = Endpoint(url="http://nowhere.invalid:1", model="demo", key=servers.KEY)
    assert (await OpenAIClient(endpoint).stream(QUESTION, deadline_s=5)).category in ("unreachable", "timeout")
