"""Reaching the runtime: not there, coming, given up, there."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from tests.webui.fake_runtime import FakeRuntime, Reply, answer
from webui.paths import inference_socket_path, inference_status_path
from webui.services import inference_client as module
from webui.services.errors import EngineUnavailable, RuntimeFailure
from webui.services.inference_client import ChatRequest, InferenceClient
from webui.services.inference_events import Delta, Done, Event, Progress, parse_line

REQUEST = ChatRequest(model="m", messages=[{"role": "user", "content": "Hi"}])


async def ask(request: ChatRequest = REQUEST) -> list[Event]:
    client = InferenceClient()
    try:
        async with asyncio.timeout(10), aclosing(client.chat(request)) as events:
            return [event async for event in events]
    finally:
        await client.aclose()


@pytest.fixture
def supervised(settings: Any) -> Any:
    """The supervisor's own runtime address; writes what the supervisor would write."""
    settings.INFERENCE_URL = f"unix:{inference_socket_path()}"
    inference_status_path().parent.mkdir(parents=True, exist_ok=True)
    yield lambda state, cause="": inference_status_path().write_text(f'{{"state": "{state}", "cause": "{cause}"}}')
    inference_status_path().unlink(missing_ok=True)


async def test_failed_start_is_told_with_its_cause_at_once(supervised: Any) -> None:
    supervised("failed", "The model folder cannot be written.")
    started = asyncio.get_running_loop().time()
    with pytest.raises(EngineUnavailable, match="could not start: The model folder cannot be written"):
        await ask()
    assert asyncio.get_running_loop().time() - started < 1


async def test_starting_runtime_is_waited_for(supervised: Any) -> None:
    supervised("starting")
    runtime = FakeRuntime()
    runtime.script(answer("Hello"))
    client = InferenceClient()
    heard: list[Event] = []
    async with asyncio.timeout(10), aclosing(client.chat(REQUEST)) as events:
        async for event in events:
            heard.append(event)
            if len(heard) == 2:
                await runtime.start(str(inference_socket_path()))
    await client.aclose()
    await runtime.stop()
    inference_socket_path().unlink(missing_ok=True)
    assert heard[0] == Progress("loading", fraction=0.0)
    assert isinstance(heard[-1], Done) and Delta("Hello") in heard


@pytest.mark.parametrize(("state", "words"), [("restarting", "is restarting"), ("ready", "does not answer")])
async def test_patience_ends(supervised: Any, monkeypatch: pytest.MonkeyPatch, state: str, words: str) -> None:
    monkeypatch.setattr(module, "PATIENCE_COMING", 0.1)
    monkeypatch.setattr(module, "PATIENCE_UNKNOWN", 0.1)
    supervised(state)
    with pytest.raises(EngineUnavailable, match=words):
        await ask()


async def test_events_of_our_runtime(runtime: FakeRuntime) -> None:
    async def script(reply: Reply) -> None:
        await reply.line(event="loading", fraction=0.4)
        await reply.line(event="queued", position=3, seconds=14)
        await reply.line(event="queued", position=1)
        await reply.line(event="prompt", completed=512, total=4000)
        await reply.line(event="something new", x=1)
        await reply.text("Hi")
        await reply.done(hearth={"cached_tokens": 1, "dropped_tokens": 2})

    runtime.script(script)
    *events, done = await ask()
    assert events == [
        Progress("loading", fraction=0.4),
        Progress("queued", position=2, seconds=14),
        Progress("queued", position=0),
        Progress("prompt", completed=512, total=4000),
        Delta("Hi"),
    ]
    assert isinstance(done, Done) and done.dropped_tokens == 2


async def test_line_split_over_packets_is_put_together(runtime: FakeRuntime) -> None:
    async def script(reply: Reply) -> None:
        line = '{"message": {"content": "好的"}, "done": false}\n'.encode()
        for position in range(len(line)):
            await reply.raw(line[position : position + 1])
        await reply.done()

    runtime.script(script)
    assert (await ask())[0] == Delta("好的")


async def test_end_without_a_final_line_is_a_failure(runtime: FakeRuntime) -> None:
    async def script(reply: Reply) -> None:
        await reply.text("Hi")

    runtime.script(script)
    with pytest.raises(RuntimeFailure) as failure:
        await ask()
    assert failure.value.code == "stream_broken" and failure.value.is_crash


async def test_refusal_without_json_is_a_failure(runtime: FakeRuntime) -> None:
    async def script(reply: Reply) -> None:
        await reply.head(502, "text/html")
        await reply.raw(b"<h1>Bad gateway</h1>")

    runtime.script(script)
    with pytest.raises(RuntimeFailure, match="reported an error"):
        await ask()


@pytest.mark.parametrize(
    "line",
    [
        b'{"done": true, "eval_count": -1, "prompt_eval_count": "9", "load_duration": null, "hearth": []}',
        b'{"done": true, "eval_count": 1e300, "eval_duration": 1e300, "done_reason": 7}',
        b'{"done": true, "load_duration": Infinity, "eval_duration": NaN, "prompt_eval_duration": -1e999}',
    ],
)
def test_odd_counts_are_left_out(line: bytes) -> None:
    assert parse_line(line, "m") == Done("stop")


@pytest.mark.parametrize(
    "line", [b"{}", b'{"message": null}', b'{"message": {"content": 5}}', b'{"event": "loading", "done": true}']
)
def test_lines_that_say_nothing_are_passed_over(line: bytes) -> None:
    event = parse_line(line, "m")
    assert event is None or event == Progress("loading")


@pytest.mark.parametrize("line", [b"[]", b"3", b"nope", b"\xff\xfe", b'"text"'])
def test_garbage_is_a_failure(line: bytes) -> None:
    with pytest.raises(RuntimeFailure):
        parse_line(line, "m")


@pytest.mark.parametrize("fraction", ["NaN", "null", '"half"', "{}"])
def test_fraction_that_is_no_number_is_left_out(fraction: str) -> None:
    assert parse_line(b'{"event": "loading", "fraction": %s}' % fraction.encode(), "m") == Progress("loading")


def test_fraction_stays_within_its_bounds() -> None:
    assert parse_line(b'{"event": "loading", "fraction": 1%s}' % (b"0" * 400), "m") == Progress("loading", fraction=1.0)
    assert parse_line(b'{"event": "loading", "fraction": -3}', "m") == Progress("loading", fraction=0.0)


def test_code_of_an_error_fits_its_row() -> None:
    with pytest.raises(RuntimeFailure) as failure:
        parse_line(b'{"error": "so", "code": "%s\\ud800\\u0000"}' % (b"x" * 39), "m")
    assert failure.value.code == "x" * 39 + "\ufffd"


async def test_code_of_a_refusal_fits_its_row(runtime: FakeRuntime) -> None:
    async def script(reply: Reply) -> None:
        await reply.head(500, "application/json")
        await reply.raw(b'{"error": "half \\ud800", "code": "%s"}' % (b"x" * 99))

    runtime.script(script)
    with pytest.raises(RuntimeFailure, match="half \ufffd") as failure:
        await ask()
    assert failure.value.code == "x" * 40
