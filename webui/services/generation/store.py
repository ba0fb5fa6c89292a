"""Where streams are found by message id. The interface is what a store shared by several web processes has to offer."""

import asyncio
from typing import Protocol
from uuid import UUID

from webui.services.generation.stream import Stream

#: Seconds for which an ended stream is kept for readers that come late.
KEPT_AFTER_END = 60.0


class StreamStore(Protocol):
    async def open(self, message_id: UUID, text: str, thinking: str = "") -> Stream:
        """A new stream for a generation to write to; replaces an ended one of the same message."""
        ...

    async def find(self, message_id: UUID) -> Stream | None:
        """The stream to read from, whichever process writes it."""
        ...

    async def release(self, message_id: UUID, stream: Stream) -> None:
        """The stream has ended: keep it for late readers, then forget it."""
        ...


class MemoryStore:
    """Streams of this process."""

    def __init__(self) -> None:
        self._streams: dict[UUID, Stream] = {}

    async def open(self, message_id: UUID, text: str, thinking: str = "") -> Stream:
        stream = Stream(text, thinking)
        self._streams[message_id] = stream
        return stream

    async def find(self, message_id: UUID) -> Stream | None:
        return self._streams.get(message_id)

    def peek(self, message_id: UUID) -> Stream | None:
        """As `find`, for a view in a thread of this process that wants what is there without waiting for the loop."""
        return self._streams.get(message_id)

    async def release(self, message_id: UUID, stream: Stream) -> None:
        asyncio.get_running_loop().call_later(KEPT_AFTER_END, self._forget, message_id, stream)

    def _forget(self, message_id: UUID, stream: Stream) -> None:
        if self._streams.get(message_id) is stream:
            del self._streams[message_id]
