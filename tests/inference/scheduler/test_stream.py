import asyncio

import pytest

from inference.errors import RunnerCrashed
from inference.runner.messages import RequestStats
from inference.scheduler import Finished, Loading, Output, Prefilling, Queued, RequestStream, StreamEvent

DONE = Finished("stop", RequestStats(), 0)


def make_stream(cancelled: list[bool] | None = None) -> RequestStream:
    return RequestStream(on_cancel=lambda: (cancelled if cancelled is not None else []).append(True))


async def read(stream: RequestStream) -> list[StreamEvent]:
    return [event async for event in stream]


async def test_first_outcome_counts_and_is_delivered_once() -> None:
    stream = make_stream()
    stream.put_output("a", 1)
    stream.finish(DONE)
    stream.finish(RunnerCrashed("late"))
    stream.put_output("late", 1)

    assert await read(stream) == [Output("a", 1), DONE]
    assert await read(stream) == []


async def test_error_is_raised_after_the_text_before_it() -> None:
    stream = make_stream()
    stream.put_output("a", 1)
    stream.finish(RunnerCrashed("gone"))

    assert await anext(stream) == Output("a", 1)
    with pytest.raises(RunnerCrashed, match="gone"):
        await anext(stream)
    assert await read(stream) == []


async def test_events_merge_while_nobody_reads() -> None:
    stream = make_stream()
    for number in range(5):
        stream.put_status(Queued(5 - number))
    assert await anext(stream) == Queued(1)
    stream.put_status(Loading(0.5))
    stream.put_status(Prefilling(1, 2))
    for text in ("a", "b", "c"):
        stream.put_output(text, 1)

    assert await anext(stream) == Output("abc", 3)


async def test_status_said_already_is_not_said_again() -> None:
    stream = make_stream()
    stream.put_status(Queued(1))
    assert await anext(stream) == Queued(1)
    stream.put_status(Queued(1))
    stream.finish(DONE)

    assert await read(stream) == [DONE]


async def test_cancel_wakes_the_reader_and_aborts_once() -> None:
    cancelled: list[bool] = []
    stream = make_stream(cancelled)
    reading = asyncio.create_task(read(stream))
    await asyncio.sleep(0)
    stream.cancel()
    stream.cancel()

    assert await asyncio.wait_for(reading, 5) == []
    assert cancelled == [True]


async def test_cancel_after_the_end_aborts_nothing() -> None:
    cancelled: list[bool] = []
    stream = make_stream(cancelled)
    stream.finish(DONE)
    stream.cancel()

    assert cancelled == []
