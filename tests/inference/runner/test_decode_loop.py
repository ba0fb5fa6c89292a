"""What the decode thread sends, and when."""

import queue
import threading
from collections.abc import Sequence

import pytest

from inference.runner.connection import Inbox, Stop
from inference.runner.decode_loop import DecodeLoop
from inference.runner.engine.batch import Chunk
from inference.runner.engine.embedder import Embedder, EmbeddingJob
from inference.runner.engine.engine import Engine
from inference.runner.engine.request import Request
from inference.runner.messages import FromRunner, OutputDelta, RequestFinished, SamplingParams
from inference.runner.outbox import Outbox
from tests.inference.runner.engine.fake_model import FakeModel, expected_answer
from tests.inference.runner.engine.test_prefix_cache import Clock, Store, make_engine
from tests.inference.runner.engine.test_prefix_cache import run as run_engine

NUM_CTX = 64
LONG = next([start] for start in range(1, 60) if len(expected_answer([start], max_tokens=None, num_ctx=NUM_CTX)[0]) > 40)


class Recorder(Outbox):
    """An outbox that also remembers each time something was put."""

    def __init__(self) -> None:
        super().__init__()
        self.puts: list[list[FromRunner]] = []

    def put(self, messages: object) -> None:
        batch = list(messages)  # type: ignore[call-overload]
        if batch:
            self.puts.append(batch)
        super().put(batch)


class NoPooling:
    """For a model that is asked for no vectors."""

    num_batch = 16


def run(*requests: Request) -> list[list[FromRunner]]:
    """What was put, in a world where no time passes."""
    inbox: Inbox = queue.SimpleQueue()
    outbox = Recorder()
    loop = DecodeLoop(
        Engine(FakeModel(num_ctx=NUM_CTX)), Embedder(NoPooling(), max_gap_ms=150), inbox, outbox, clock_ns=lambda: 0
    )
    for request in requests:
        inbox.put(request)
    thread = threading.Thread(target=loop.run)
    thread.start()
    ended: set[str] = set()
    while len(ended) < len(requests):
        ended |= {message.request_id for message in outbox.take() if isinstance(message, RequestFinished)}
    inbox.put(Stop())
    thread.join(10)
    return outbox.puts


def make_request(name: str, num_following: int = 0) -> Request:
    return Request(name, list(LONG), SamplingParams(), None, [], arrived_ns=0, num_following=num_following)


def test_tokens_that_come_faster_than_anyone_reads_go_out_together() -> None:
    puts = run(make_request("a"))

    text = "".join(message.text for batch in puts for message in batch if isinstance(message, OutputDelta))
    assert text == expected_answer(LONG, max_tokens=None, num_ctx=NUM_CTX)[0]
    assert len(puts) == 2


def test_first_token_and_end_of_an_answer_do_not_wait() -> None:
    puts = run(make_request("a"))
    first = next(batch for batch in puts if any(isinstance(message, OutputDelta) for message in batch))

    assert [message.text for message in first if isinstance(message, OutputDelta)] == [
        expected_answer(LONG, max_tokens=1, num_ctx=NUM_CTX)[0]
    ]
    assert isinstance(puts[-1][-1], RequestFinished)


def test_every_answer_ends_once_and_in_order() -> None:
    messages = [message for batch in run(*(make_request(name) for name in "abc")) for message in batch]

    for name in "abc":
        own = [message for message in messages if getattr(message, "request_id", "") == name]
        assert [isinstance(message, RequestFinished) for message in own] == [False] * (len(own) - 1) + [True]


class LateInbox:
    """Gives the first request at once, and each further one only to somebody who waits for it a little; then `Stop`."""

    def __init__(self, *requests: Request) -> None:
        self._works: list[Request | Stop] = [*requests, Stop()]
        self.waits: list[float] = []

    def get(self, timeout: float | None = None) -> Request | Stop:
        if timeout is not None:
            self.waits.append(timeout)
            if isinstance(self._works[0], Stop):
                raise queue.Empty
        return self._works.pop(0)

    def get_nowait(self) -> Request:
        raise queue.Empty


def first_batch(inbox: LateInbox) -> int:
    """Of how many sequences the first batch had tokens. Only what was waited for before it stays in `inbox.waits`."""
    waits: list[float] = []

    class Watched(FakeModel):
        def decode(self, chunks: Sequence[Chunk]) -> None:
            waits.extend([] if self.batches else inbox.waits)
            super().decode(chunks)

    model = Watched(num_ctx=NUM_CTX, num_batch=NUM_CTX)
    embedder = Embedder(NoPooling(), max_gap_ms=150)
    DecodeLoop(Engine(model), embedder, inbox, Outbox(), clock_ns=lambda: 0).run()  # type: ignore[arg-type]
    inbox.waits = waits
    return len(model.batches[0])


def test_requests_that_are_announced_are_waited_for_and_computed_together() -> None:
    inbox = LateInbox(*(make_request(name, num_following=following) for name, following in (("a", 2), ("b", 1), ("c", 0))))

    assert first_batch(inbox) == 3
    assert len(inbox.waits) == 2
    assert all(0 < wait < 0.1 for wait in inbox.waits)


def test_one_request_is_not_kept_waiting_for_others() -> None:
    inbox = LateInbox(make_request("a"), make_request("b"))

    assert first_batch(inbox) == 1
    assert not inbox.waits


def test_announced_request_that_does_not_come_is_not_waited_for_again() -> None:
    inbox = LateInbox(make_request("a", num_following=5))

    assert first_batch(inbox) == 1
    assert len(inbox.waits) == 1


def test_more_than_there_are_slots_for_are_not_waited_for() -> None:
    inbox = LateInbox(*(make_request(str(number), num_following=9 if number < 4 else 0) for number in range(6)))

    assert first_batch(inbox) == 4
    assert len(inbox.waits) == 3


def test_answers_that_ended_together_are_followed_by_requests_that_are_computed_together() -> None:
    """As programs send them that keep several open; here the second three are announced by nobody."""
    inbox = LateInbox(*(make_request(name, 2 - number if name in "abc" else 0) for number, name in enumerate("abcdef")))
    model = FakeModel(num_ctx=NUM_CTX, num_batch=NUM_CTX)
    embedder = Embedder(NoPooling(), max_gap_ms=150)

    DecodeLoop(Engine(model), embedder, inbox, Outbox(), clock_ns=lambda: 0).run()  # type: ignore[arg-type]

    assert {len(batch) for batch in model.batches} == {3}


class Texts:
    """Vectors of many texts, one after the other: the clock leaps after the first, and everything is over after the last."""

    num_batch = 16
    num_sequences = 1

    def __init__(self, clock: Clock, inbox: Inbox) -> None:
        self.clock, self.inbox = clock, inbox
        self.num_computed = 0

    def embed(self, inputs: Sequence[list[int]]) -> list[bytes]:
        self.num_computed += 1
        if self.num_computed == 1:
            self.clock.ns += 6_000_000_000
        elif self.num_computed == 500:
            self.inbox.put(Stop())
        return [bytes(4) for _ in inputs]


def test_answer_waits_no_longer_for_its_state_while_texts_are_embedded() -> None:
    engine, _model, clock = make_engine(store := Store())
    for tokens in ([1] * 500, [2] * 500):
        engine.add(Request("r", list(tokens), SamplingParams(), 2, [], arrived_ns=0))
        run_engine(engine, store)
    inbox: Inbox = queue.SimpleQueue()
    outbox = Recorder()
    texts = Texts(clock, inbox)
    inbox.put(Request("waits", [1] * 501, SamplingParams(), 2, [], arrived_ns=0))
    inbox.put(EmbeddingJob("texts", [[1]] * 1000, arrived_ns=0))

    DecodeLoop(engine, Embedder(texts, clock_ns=clock), inbox, outbox, clock_ns=clock).run()

    ends = {message.request_id: message for batch in outbox.puts for message in batch if isinstance(message, RequestFinished)}
    assert store.asked and ends["texts"].finish_reason == "abort"
    assert ends["waits"].finish_reason in ("stop", "length")


@pytest.mark.parametrize(("step_ms", "num_together"), [(1, 22), (6, 4), (11, 2), (14, 2), (15, 1), (18, 1), (50, 1)])
def test_steps_share_a_message_as_long_as_they_are_short(step_ms: int, num_together: int) -> None:
    clock = Clock()
    model = FakeModel(num_ctx=NUM_CTX)
    decode = model.decode

    def decode_for_a_while(chunks: Sequence[Chunk]) -> None:
        clock.ns += step_ms * 1_000_000
        decode(chunks)

    model.decode = decode_for_a_while  # type: ignore[method-assign]
    outbox = Recorder()
    inbox = LateInbox(make_request("a"))
    DecodeLoop(Engine(model), Embedder(NoPooling(), max_gap_ms=150), inbox, outbox, clock_ns=clock).run()  # type: ignore[arg-type]

    first, *later = [sum(m.num_tokens for m in batch if isinstance(m, OutputDelta)) for batch in outbox.puts if batch]
    assert first == 1
    assert set(later[:-1]) == {num_together}


@pytest.mark.parametrize(
    ("shares_cores", "max_tokens", "num_pauses"),
    [(True, None, 2), (True, 1, 0), (False, None, 0)],
    ids=["host", "one token", "GPU"],
)
def test_core_is_left_to_those_who_carry_the_first_token_of_an_answer_that_goes_on(
    shares_cores: bool, max_tokens: int | None, num_pauses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("inference.runner.decode_loop.time.sleep", pauses.append)
    inbox = LateInbox(*(Request(name, list(LONG), SamplingParams(), max_tokens, [], arrived_ns=0) for name in "ab"))
    embedder = Embedder(NoPooling(), max_gap_ms=150)

    DecodeLoop(Engine(FakeModel(num_ctx=NUM_CTX)), embedder, inbox, Outbox(), shares_cores=shares_cores).run()  # type: ignore[arg-type]

    assert len(pauses) == num_pauses
    assert all(0 < pause < 0.002 for pause in pauses)
