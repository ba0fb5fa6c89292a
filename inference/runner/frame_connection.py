"""Frames over an asyncio connection: the service's end.

A protocol and not a pair of streams: between two tokens every turn of the event loop is a core that the model does not have.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import msgspec

from inference.errors import PayloadTooLarge
from inference.runner.messages import MAX_FRAME_BYTES, FromRunner, ToRunner, decode_from_runner, encode_frame
from inference.sizes import human_size

_HEADER_BYTES = 4


class FrameConnection(asyncio.Protocol):
    """What a runner says is read one by one at first, and handed to a function after `deliver_to`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._messages: deque[FromRunner] = deque()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._deliver: Callable[[FromRunner], None] = self._keep
        #: Why the connection was given up, where the runner broke the contract.
        self.error: msgspec.DecodeError | None = None
        self.closed = asyncio.Event()

    async def read(self) -> FromRunner | None:
        """The next message; None when the runner has closed the connection. Raises `msgspec.DecodeError`."""
        while not self._messages:
            if self.error is not None:
                raise self.error
            if self.closed.is_set():
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    def deliver_to(self, deliver: Callable[[FromRunner], None]) -> None:
        """Hands on what came and was not read, and all that comes."""
        self._deliver = deliver
        while self._messages:
            deliver(self._messages.popleft())

    def send(self, message: ToRunner) -> None:
        """Never waits; says nothing to a runner that is gone. Raises `PayloadTooLarge`: a runner ends when a frame is longer
        than the contract allows, and with it everybody's answers."""
        frame = encode_frame(message)
        if len(frame) > MAX_FRAME_BYTES:
            raise PayloadTooLarge(f"The request is too large: a model takes at most {human_size(MAX_FRAME_BYTES)} at once.")
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)

    async def drain(self) -> None:
        """Waits while more was sent than the runner has read."""
        await self._writable.wait()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none by their class.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            self._take_frames()
        except msgspec.DecodeError as error:
            self.error = error
            if self._transport is not None:
                self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _take_frames(self) -> None:
        received, start = self._received, 0
        while len(received) - start >= _HEADER_BYTES and self.error is None:
            size = int.from_bytes(received[start : start + _HEADER_BYTES], "big")
            if size > MAX_FRAME_BYTES:
                raise msgspec.DecodeError(f"a frame of {size} bytes")
            end = start + _HEADER_BYTES + size
            if len(received) < end:
                break
            self._deliver(decode_from_runner(bytes(received[start + _HEADER_BYTES : end])))
            start = end
        del received[:start]

    def _keep(self, message: FromRunner) -> None:
        self._messages.append(message)
        self._arrived.set()
