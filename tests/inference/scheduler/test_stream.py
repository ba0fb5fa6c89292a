import asyncio

import pytest

from inference.errors import ReaderTooSlow, RunnerCrashed
from inference.runner.messages import RequestStats, TokenLogprob
from inference.scheduler import Finished, Loading, Output, Prefilling, Queued, RequestStream, StreamEvent
from inference.scheduler.backlog import Backlog

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


TOKEN = TokenLogprob(b"x", -1.0, [(b"y", -2.0)] * 20)


async def test_stream_nobody_reads_is_ended_when_too_much_waits() -> None:
    cancelled: list[bool] = []
    stream = RequestStream(lambda: cancelled.append(True), Backlog(most_each=2**20))
    for _ in range(10_000):
        stream.put_output("x", 1, [TOKEN])

    assert cancelled == [True]
    with pytest.raises(ReaderTooSlow, match="1 MiB at most are kept"):
        await anext(stream)
    assert await read(stream) == []


async def test_stream_that_is_read_goes_on_however_much_it_is() -> None:
    stream = RequestStream(lambda: None, Backlog(most_each=10_000))
    for _ in range(1000):
        stream.put_output("x", 1, [TOKEN])
        assert await anext(stream) == Output("x", 1, [TOKEN])
    stream.finish(DONE)

    assert await read(stream) == [DONE]


async def test_of_many_streams_nobody_reads_the_largest_is_given_up() -> None:
    backlog: Backlog[RequestStream] = Backlog(most_each=1000, most_together=2000)
    streams = [RequestStream(lambda: None, backlog) for _ in range(4)]
    for stream, size in zip(streams, (600, 900, 300), strict=False):
        stream.put_output("x" * size, 1)
    # It has all there is to read, and still takes room.
    streams[1].finish(DONE)
    streams[3].put_output("x" * 300, 1)

    with pytest.raises(ReaderTooSlow):
        await read(streams[1])
    assert [stream.is_ended for stream in streams] == [False, True, False, False]
    streams[3].put_output("x" * 600, 1)
    assert await anext(streams[3]) == Output("x" * 900, 2)


async def test_stream_that_was_cancelled_takes_no_room() -> None:
    backlog: Backlog[RequestStream] = Backlog(most_each=1000, most_together=1000)
    for _ in range(5):
        stream = RequestStream(lambda: None, backlog)
        stream.put_output("x" * 900, 1)
        stream.cancel()
    last = RequestStream(lambda: None, backlog)
    last.put_output("x" * 900, 1)

    assert not last.is_ended
