import socket

import pytest

from inference.runner.messages import MAX_FRAME_BYTES, Ping, decode_to_runner, encode_frame
from inference.runner.wire import BrokenFrame, read_frame


def received(data: bytes) -> list[bytes | None]:
    """What the reader makes of these bytes, until the end of the connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        bodies = [read_frame(theirs)]
        while bodies[-1] is not None:
            bodies.append(read_frame(theirs))
        return bodies


def test_frame_goes_through_unchanged() -> None:
    bodies = received(encode_frame(Ping(1)) + encode_frame(Ping(2)))

    assert [decode_to_runner(body) for body in bodies if body is not None] == [Ping(1), Ping(2)]


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5])
def test_frame_cut_off_is_the_end(size: int) -> None:
    assert received(encode_frame(Ping(1))[:size]) == [None]


def test_frame_too_long_is_broken() -> None:
    with pytest.raises(BrokenFrame, match=str(MAX_FRAME_BYTES)):
        received((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
