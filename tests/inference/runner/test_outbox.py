import socket
import threading
from functools import partial

import pytest

from inference.runner.connection import Writer, send_at_once
from inference.runner.messages import (
    FromRunner,
    LoadProgress,
    OutputDelta,
    Pong,
    PromptProgress,
    RequestFinished,
    RequestStats,
    decode_from_runner,
    encode_frame,
)
from inference.runner.outbox import Outbox
from inference.runner.wire import read_frame


def finished(request_id: str) -> RequestFinished:
    return RequestFinished(request_id=request_id, finish_reason="stop", stats=RequestStats())


def progress(request_id: str, num: int) -> PromptProgress:
    return PromptProgress(request_id=request_id, num_computed_tokens=num, num_prompt_tokens=9)


def test_outbox_merges_what_waits_and_keeps_the_order() -> None:
    outbox = Outbox()

    outbox.put([LoadProgress(0.1), LoadProgress(0.2), progress("a", 1), OutputDelta("b", "x", 1)])
    outbox.put([progress("a", 2), OutputDelta("a", "1", 1), OutputDelta("b", "y", 2), finished("b"), OutputDelta("a", "2", 1)])

    assert outbox.take() == [
        LoadProgress(0.2),
        progress("a", 2),
        OutputDelta("b", "xy", 3),
        OutputDelta("a", "12", 2),
        finished("b"),
    ]


def test_outbox_same_id_again_is_another_request() -> None:
    outbox = Outbox()

    outbox.put([OutputDelta("a", "1", 1), finished("a"), OutputDelta("a", "2", 1), finished("a")])

    assert outbox.take() == [OutputDelta("a", "1", 1), finished("a"), OutputDelta("a", "2", 1), finished("a")]


def test_outbox_closed_gives_out_the_rest_and_then_nothing() -> None:
    outbox = Outbox()
    outbox.put([finished("a")])
    outbox.close()

    assert (outbox.take(), outbox.take()) == ([finished("a")], [])


def test_outbox_full_holds_back_new_work_until_it_is_taken() -> None:
    outbox = Outbox(max_waiting=2)
    outbox.put([finished("a"), finished("b"), finished("c")])
    waiting = threading.Thread(target=outbox.wait_for_room)
    waiting.start()
    waiting.join(0.05)
    was_waiting = waiting.is_alive()

    outbox.take()
    waiting.join(10)

    assert was_waiting and not waiting.is_alive()


def test_outbox_bound_lifted_lets_everyone_go_on() -> None:
    outbox = Outbox(max_waiting=0)
    outbox.put([finished("a")])
    waiting = threading.Thread(target=outbox.wait_for_room)
    waiting.start()

    outbox.lift_bound()
    waiting.join(10)

    assert not waiting.is_alive()


@pytest.mark.parametrize("sends_at_once", [False, True])
def test_writer_slow_reader_costs_no_time_and_loses_nothing(sends_at_once: bool) -> None:
    """Nothing is read until everything was put: what does not fit into the socket's buffer is merged meanwhile."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    outbox, count = Outbox(send=partial(send_at_once, ours) if sends_at_once else None), 50_000
    writer = Writer(ours, outbox)
    writer.start()

    for number in range(count):
        outbox.put([OutputDelta("a", f"{number} ", 1)])
    outbox.put([finished("a")])
    outbox.close()

    with ours, theirs:
        received: list[FromRunner] = []
        while finished("a") not in received:
            body = read_frame(theirs)
            assert body is not None
            received.append(decode_from_runner(body))
        writer.join(10)
    deltas = [message for message in received if isinstance(message, OutputDelta)]
    assert "".join(delta.text for delta in deltas) == "".join(f"{number} " for number in range(count))
    assert sum(delta.num_tokens for delta in deltas) == count
    assert len(deltas) < count / 10


@pytest.mark.parametrize("sends_at_once", [False, True])
def test_writer_client_gone_ends_it(sends_at_once: bool) -> None:
    ours, theirs = socket.socketpair()
    outbox = Outbox(send=partial(send_at_once, ours) if sends_at_once else None)
    writer = Writer(ours, outbox)
    writer.start()
    theirs.close()

    outbox.put([Pong(nonce=1, num_running=0, num_waiting=0)])
    writer.join(10)
    ours.close()

    assert not writer.is_alive()


def test_outbox_sends_at_once_what_goes_out_and_keeps_the_order_of_the_rest() -> None:
    sent, room = bytearray(), [10_000, 3, 10_000]

    def send(frames: bytes) -> int:
        count = min(room.pop(0), len(frames))
        sent.extend(frames[:count])
        return count

    outbox = Outbox(send=send)
    deltas = [OutputDelta("a", str(number), 1) for number in range(4)]
    outbox.put([deltas[0]])
    outbox.put([deltas[1]])
    outbox.put([deltas[2]])
    rest, merged = outbox.take()
    outbox.put([deltas[3]])

    assert isinstance(rest, bytes)
    assert bytes(sent) + rest == encode_frame(deltas[0]) + encode_frame(deltas[1])
    assert merged == deltas[2]
    outbox.close()
    assert outbox.take() == [deltas[3]]
    assert room == [10_000]
