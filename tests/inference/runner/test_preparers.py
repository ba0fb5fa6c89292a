"""What happens to requests between the reader and the decode thread. An intake that waits until it is told to go on stands for
prompts that take long."""

import queue
import socket
import threading
from collections.abc import Iterator

import pytest

from inference.errors import InvalidRequest
from inference.runner.connection import Inbox, Reader, Stop, Work
from inference.runner.engine.embedder import EmbeddingJob
from inference.runner.engine.request import Request
from inference.runner.intake import Intake
from inference.runner.messages import (
    Abort,
    ChatMessage,
    ChatPrompt,
    Embed,
    Forget,
    FromRunner,
    Ping,
    RequestFailed,
    RequestFinished,
    Rerank,
    SamplingParams,
    Submit,
    TextPrompt,
    Tokenize,
    Tokens,
    ToRunner,
    encode_frame,
)
from inference.runner.outbox import Outbox
from inference.runner.preparers import Preparers

SECONDS = 10.0
LONG = "x" * 40_000


class WaitingIntake(Intake):
    """A prompt is ready when the gate that its text ends with the name of is open."""

    def __init__(self, gates: dict[str, threading.Event], begun: queue.SimpleQueue[str]) -> None:
        self._gates = gates
        self._begun = begun

    def prepare(self, message: Submit | Embed | Rerank) -> Request | EmbeddingJob:
        self._wait(message.request_id)
        if isinstance(message, Submit):
            return Request(message.request_id, [1], SamplingParams(), 1, [], arrived_ns=0, scope=message.scope)
        return EmbeddingJob(message.request_id, [[1]], 0)

    def tokens(self, message: Tokenize) -> Tokens:
        self._wait(message.request_id)
        return Tokens(request_id=message.request_id, tokens=[1], size=1)

    def _wait(self, request_id: str) -> None:
        self._begun.put(request_id)
        gate = self._gates.get(request_id)
        assert gate is None or gate.wait(SECONDS)
        if request_id.startswith("bad"):
            raise InvalidRequest("It is bad.")


class Desk:
    """Preparers behind a reader, with what comes of it."""

    def __init__(self) -> None:
        self.gates: dict[str, threading.Event] = {}
        self.begun: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.inbox: Inbox = queue.SimpleQueue()
        self.outbox = Outbox()
        self.clock_ns = 0
        self.preparers = Preparers(
            lambda: WaitingIntake(self.gates, self.begun), self.inbox, self.outbox, clock_ns=lambda: self.clock_ns
        )
        self.client, self.connection = socket.socketpair()
        self.client.settimeout(SECONDS)
        self.reader = Reader(self.connection, self.preparers, self.inbox, self.outbox)
        self.reader.start()

    def send(self, *messages: ToRunner) -> None:
        for message in messages:
            self.client.sendall(encode_frame(message))

    def hold(self, *request_ids: str) -> None:
        self.gates.update((request_id, threading.Event()) for request_id in request_ids)

    def next_work(self) -> Work:
        return self.inbox.get(timeout=SECONDS)

    def next_begun(self) -> str:
        return self.begun.get(timeout=SECONDS)

    def close(self) -> list[Work]:
        """What came to the decode thread and was not taken."""
        for gate in self.gates.values():
            gate.set()
        self.client.shutdown(socket.SHUT_WR)
        self.reader.join(SECONDS)
        self.preparers.close()
        self.preparers.join()
        rest = []
        while not self.inbox.empty():
            rest.append(self.inbox.get())
        return rest


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()
    desk.client.close()
    desk.connection.close()


def submit(request_id: str, content: str = "", *, scope: str = "", image: bytes = b"") -> Submit:
    images = [image] if image else []
    return Submit(request_id=request_id, prompt=ChatPrompt([ChatMessage("user", content, images=images)]), scope=scope)


def ends(messages: list[FromRunner | bytes]) -> list[tuple[str, str]]:
    return [(m.request_id, m.finish_reason) for m in messages if isinstance(m, RequestFinished)]


@pytest.mark.parametrize(
    "long", [submit("long", LONG), submit("long", image=b"png"), Embed(request_id="long", inputs=[TextPrompt(LONG)])]
)
def test_nobody_waits_for_a_long_prompt(desk: Desk, long: Submit | Embed) -> None:
    desk.hold("long")
    desk.send(long)
    assert desk.next_begun() == "long"

    desk.send(Ping(1), submit("short"), Abort("elsewhere"))

    come = [desk.next_work() for _ in range(3)]
    assert Ping(1) in come and Abort("elsewhere") in come
    assert [work.request_id for work in come if isinstance(work, Request)] == ["short"]
    desk.gates["long"].set()
    assert desk.next_work().request_id == "long"


@pytest.mark.parametrize(
    "message",
    [
        submit("a"),
        submit("a", LONG),
        Embed(request_id="a", inputs=[TextPrompt("x")]),
        Tokenize(request_id="a", prompt=TextPrompt("x")),
    ],
)
def test_request_that_is_aborted_while_it_is_made_ready_ends_at_once_and_once(
    desk: Desk, message: Submit | Embed | Tokenize
) -> None:
    desk.hold("a")
    desk.send(message)
    assert desk.next_begun() == "a"

    desk.send(Abort("a"))

    assert ends(desk.outbox.take()) == [("a", "abort")]
    assert [type(work) for work in desk.close()] == [Stop]
    desk.outbox.close()
    assert desk.outbox.take() == []


def test_request_that_is_aborted_before_its_turn_is_never_begun(desk: Desk) -> None:
    desk.hold("first")
    desk.send(submit("first"))
    assert desk.next_begun() == "first"
    desk.send(submit("second"), Abort("second"), submit("third"))
    assert ends(desk.outbox.take()) == [("second", "abort")]

    desk.gates["first"].set()

    assert [desk.next_work().request_id for _ in range(2)] == ["first", "third"]
    assert desk.next_begun() == "third"


def test_request_that_is_ready_is_aborted_by_the_decode_thread(desk: Desk) -> None:
    desk.send(submit("a"))
    assert desk.next_work().request_id == "a"

    desk.send(Abort("a"))

    assert desk.next_work() == Abort("a")


def test_short_prompts_are_made_ready_as_they_come(desk: Desk) -> None:
    names = [str(number) for number in range(40)]

    desk.send(*(submit(name, "x" * (40 - index)) for index, name in enumerate(names)))

    assert [desk.next_work().request_id for _ in names] == names


def test_shorter_of_two_long_prompts_goes_first_unless_the_longer_has_waited(desk: Desk) -> None:
    desk.hold("first")
    desk.preparers.add(submit("first"), 50_000)
    assert desk.next_begun() == "first"

    desk.preparers.add(submit("longest"), 10**6)
    desk.preparers.add(submit("longer"), 50_000)
    desk.clock_ns += 10**9
    desk.preparers.add(submit("late"), 50_000)
    desk.gates["first"].set()

    assert [desk.next_begun() for _ in range(3)] == ["longer", "longest", "late"]


def test_forgotten_request_that_is_not_ready_is_forgotten_when_it_is(desk: Desk) -> None:
    desk.hold("a", "b")
    desk.send(submit("a", LONG, scope="user:1/conversation:1"), submit("b", scope="user:1/conversation:11"))

    desk.send(Forget("user:1/conversation:1"))

    assert desk.next_work() == Forget("user:1/conversation:1")
    desk.gates["a"].set()
    a = desk.next_work()
    desk.gates["b"].set()
    b = desk.next_work()
    assert isinstance(a, Request) and isinstance(b, Request)
    assert (a.request_id, a.is_forgotten, b.is_forgotten) == ("a", True, False)


def test_request_that_cannot_be_made_ready_fails_alone(desk: Desk) -> None:
    desk.send(submit("bad"), submit("good"))

    assert desk.next_work().request_id == "good"
    (failed,) = desk.outbox.take()
    assert isinstance(failed, RequestFailed)
    assert (failed.request_id, failed.code, failed.message) == ("bad", "invalid_request", "It is bad.")


def test_end_comes_for_everything_that_is_open_when_the_client_goes(desk: Desk) -> None:
    desk.hold("begun", "begun long")
    desk.send(submit("begun"), submit("begun long", LONG))
    assert {desk.next_begun(), desk.next_begun()} == {"begun", "begun long"}
    desk.send(submit("waits"), submit("waits long", LONG), Tokenize(request_id="counts", prompt=TextPrompt("x")))
    desk.client.shutdown(socket.SHUT_WR)
    assert isinstance(desk.next_work(), Stop)

    # Without waiting for what has been begun.
    desk.preparers.close()

    names = ["begun", "begun long", "counts", "waits", "waits long"]
    assert sorted(ends(desk.outbox.take())) == [(name, "abort") for name in names]
    assert desk.close() == []
    desk.outbox.close()
    assert desk.outbox.take() == []


def test_intake_for_long_prompts_is_built_when_one_comes() -> None:
    built: list[Intake] = []
    inbox: Inbox = queue.SimpleQueue()

    def build() -> Intake:
        built.append(WaitingIntake({}, queue.SimpleQueue()))
        return built[-1]

    preparers = Preparers(build, inbox, Outbox())
    preparers.add(submit("a"), 100)
    assert inbox.get(timeout=SECONDS).request_id == "a" and len(built) == 1

    preparers.add(submit("b"), 10**6)

    assert inbox.get(timeout=SECONDS).request_id == "b" and len(built) == 2
    preparers.close()
    preparers.join()
