import asyncio
from collections.abc import Sequence

import pytest

from inference.api.choice import Choice, events_of
from inference.errors import InferenceError, QueueFull
from inference.runner.messages import RequestStats
from inference.scheduler import Finished, Output, RequestStream
from inference.scheduler.stream import StreamEvent

DONE = Finished("stop", RequestStats(), 0)


def streams(count: int) -> list[RequestStream]:
    return [RequestStream(lambda: None) for _ in range(count)]


async def read(found: Sequence[RequestStream]) -> list[tuple[int, StreamEvent]]:
    return [event async for event in events_of([Choice(stream) for stream in found])]


@pytest.mark.parametrize("count", [1, 3])
async def test_events_carry_the_index_of_their_choice(count: int) -> None:
    found = streams(count)
    for index, stream in enumerate(found):
        stream.put_output(f"text {index}", 1)
        stream.finish(DONE)

    events = await asyncio.wait_for(read(found), 10)

    for index in range(count):
        assert [event for at, event in events if at == index] == [Output(f"text {index}", 1), DONE]


async def test_choices_come_as_they_grow() -> None:
    slow, fast = found = streams(2)
    events = events_of([Choice(stream) for stream in found])
    fast.put_output("fast", 1)
    assert await asyncio.wait_for(anext(events), 10) == (1, Output("fast", 1))
    slow.put_output("slow", 1)
    assert await asyncio.wait_for(anext(events), 10) == (0, Output("slow", 1))
    await events.aclose()


@pytest.mark.parametrize("count", [1, 2])
async def test_error_of_one_choice_ends_all(count: int) -> None:
    found = streams(count)
    error: InferenceError = QueueFull("Too many wait.")
    found[-1].finish(error)
    with pytest.raises(QueueFull, match="Too many wait"):
        await asyncio.wait_for(read(found), 10)
