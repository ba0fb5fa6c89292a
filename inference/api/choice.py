"""One answer of a request that may have asked for several, and the events of all of them in the order in which they come."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from inference.api.reading import Reading
from inference.errors import InferenceError
from inference.scheduler import RequestStream
from inference.scheduler.stream import StreamEvent

#: None: the choice has no more events.
_Found = tuple[int, StreamEvent | InferenceError | None]


@dataclass(frozen=True)
class Choice:
    stream: RequestStream
    reading: Reading = field(default_factory=Reading)
    #: Choices of one prompt have the same number.
    prompt: int = 0


async def events_of(choices: Sequence[Choice]) -> AsyncIterator[tuple[int, StreamEvent]]:
    """Each event with the index of its choice. Raises the first `InferenceError` of any."""
    if len(choices) == 1:
        async for only in choices[0].stream:
            yield 0, only
        return
    # Of one place: while the reader is slow, events wait in their streams, where they merge.
    found: asyncio.Queue[_Found] = asyncio.Queue(1)
    tasks = [asyncio.create_task(_forward(index, choice.stream, found)) for index, choice in enumerate(choices)]
    try:
        num_open = len(tasks)
        while num_open:
            index, event = await found.get()
            if isinstance(event, InferenceError):
                raise event
            if event is None:
                num_open -= 1
            else:
                yield index, event
    finally:
        for task in tasks:
            task.cancel()


async def _forward(
    index: int, stream: RequestStream, found: asyncio.Queue[tuple[int, StreamEvent | InferenceError | None]]
) -> None:
    try:
        async for event in stream:
            await found.put((index, event))
    except InferenceError as error:
        await found.put((index, error))
        return
    await found.put((index, None))
