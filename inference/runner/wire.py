"""Frames over a blocking socket: the runner's end."""

import socket

from inference.runner.messages import MAX_FRAME_BYTES

_HEADER_BYTES = 4


class BrokenFrame(Exception):
    """The other end does not keep to the contract."""


def read_frame(connection: socket.socket) -> bytes | None:
    """The body of the next frame; None when the other end has closed, also within a frame."""
    header = _read_exactly(connection, _HEADER_BYTES)
    if header is None:
        return None
    size = int.from_bytes(header, "big")
    if size > MAX_FRAME_BYTES:
        raise BrokenFrame(f"a frame of {size} bytes is longer than {MAX_FRAME_BYTES}")
    return _read_exactly(connection, size)


def _read_exactly(connection: socket.socket, size: int) -> bytes | None:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        try:
            count = connection.recv_into(view[done:])
        except OSError:
            return None
        if count == 0:
            return None
        done += count
    return bytes(buffer)
