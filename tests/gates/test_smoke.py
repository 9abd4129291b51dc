from __future__ import annotations

from time import perf_counter

from llmdeploy.endpoint import Endpoint
from llmdeploy.gates.result import GateResult
from llmdeploy.gates.smoke import run_smoke
from tests.engine_fixture import CONTEXT
from tests.gates import misbehaving_servers as servers


def missed(result: GateResult) -> dict[str, str]:
    return {check.name: check.value for check in result.missed}


async def test_the_real_engine_passes(engine: Endpoint) -> None:
    result = await run_smoke(engine, CONTEXT, 20)
    assert missed(result) == {}
    assert [check.name for check in result.checks] == [
        "health", "models", "chat", "stream", "wrong key", "no key", "prompt over the context", "malformed JSON",
        "chat afterwards",
    ]  # fmt: skip
    assert result.seconds < 5


async def test_a_context_that_is_larger_than_was_planned_is_seen(engine: Endpoint) -> None:
    result = await run_smoke(engine, CONTEXT // 8, 20)
    assert missed(result) == {"prompt over the context": "http 200"}


async def test_another_served_name_is_seen(engine: Endpoint) -> None:
    other = Endpoint(engine.url, "another", engine.key)
    assert missed(await run_smoke(other, CONTEXT, 20)) == {"models": "demo"}


async def api(request: servers.Request, *, checks_key: bool = True, streams: str = "Paris") -> None:
    """A server that does everything right, but for what the arguments say."""
    if request.path == "/health":
        return await request.answer(200, {})
    if checks_key and request.headers.get("authorization") != "Bearer the-key":
        return await request.answer(401, {"error": {"message": "no"}})
    if request.path == "/v1/models":
        return await request.answer(200, {"data": [{"id": "demo"}]})
    if not request.body.endswith(b"}"):
        return await request.answer(400, {"error": {"message": "not JSON"}})
    if len(request.body) > 1000:
        return await request.answer(400, {"error": {"message": "too long"}})
    if request.json.get("stream"):
        return await servers.whole_stream(request, words=(streams[:2], streams[2:]))
    return await request.answer(200, servers.completion("Paris"))


async def test_a_server_that_does_everything_right_passes() -> None:
    async with servers.serving(api) as endpoint:
        assert missed(await run_smoke(endpoint, 512, 5)) == {}


async def test_a_server_that_checks_no_key_is_seen() -> None:
    async with servers.serving(lambda request: api(request, checks_key=False)) as endpoint:
        result = await run_smoke(endpoint, 512, 5)
    assert missed(result) == {"wrong key": "http 200", "no key": "http 200"}


async def test_a_stream_that_says_something_else_is_seen() -> None:
    async with servers.serving(lambda request: api(request, streams="London")) as endpoint:
        result = await run_smoke(endpoint, 512, 5)
    assert missed(result) == {"stream": "2 chunks, another answer"}
    assert result.missed[0].detail == "streamed 'London', in one piece 'Paris'"


async def test_errors_of_the_server_are_not_taken_for_refusals() -> None:
    async with servers.answers_500() as endpoint:
        result = await run_smoke(endpoint, 512, 5)
    assert len(result.missed) == 9
    assert missed(result)["prompt over the context"] == "http 500"


async def test_a_dead_server_fails_every_check_at_once() -> None:
    async with servers.behaves() as endpoint:
        pass
    result = await run_smoke(endpoint, 512, 5)
    assert set(missed(result).values()) == {"refused"}
    assert len(result.missed) == 9
    assert result.seconds < 1


async def test_a_server_that_never_answers_takes_no_longer_than_the_deadline() -> None:
    started = perf_counter()
    async with servers.never_answers() as endpoint:
        result = await run_smoke(endpoint, 512, 0.3)
    assert perf_counter() - started < 1
    assert missed(result)["health"] == "timeout"
    assert missed(result)["chat afterwards"] == "not tried"


async def test_a_shut_off_stream_is_seen() -> None:
    async def handler(request: servers.Request) -> None:
        if request.body.endswith(b"}") and request.json.get("stream"):
            await request.begin_stream()
            await request.event(servers.delta("Par"))
        else:
            await api(request)

    async with servers.serving(handler) as endpoint:
        result = await run_smoke(endpoint, 512, 5)
    assert missed(result) == {"stream": "truncated"}
