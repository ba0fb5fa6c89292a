"""Which slot a prompt goes to and what it takes over from others; then the engine with a store that the test answers for."""

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.runner.engine.engine import Engine
from inference.runner.engine.kv_store import KVIndex, Loaded, StoredState, is_worth_storing
from inference.runner.engine.prefix_cache import choose_slot
from inference.runner.engine.request import Request
from inference.runner.engine.slot import Slot
from inference.runner.messages import OutputDelta, RequestFinished, SamplingParams
from tests.inference.runner.engine.fake_model import FakeModel, expected_answer

NUM_CTX = 1024
DOCUMENT = [1] * 400


def make_slots(*contents: tuple[str, list[int]], busy: tuple[int, ...] = (), num_public_tokens: int = 0) -> list[Slot]:
    """Slots used one after the other."""
    slots = []
    for seq_id, (scope, tokens) in enumerate(contents):
        slot = Slot(seq_id)
        slot.scope, slot.tokens, slot.last_used, slot.num_public_tokens = scope, list(tokens), seq_id, num_public_tokens
        slot.request = make_request("busy", [9]) if seq_id in busy else None
        slots.append(slot)
    return slots


def make_request(request_id: str, tokens: Sequence[int], scope: str = "", num_public_tokens: int = 0) -> Request:
    return Request(
        request_id, list(tokens), SamplingParams(), 20, [], arrived_ns=0, scope=scope, num_public_tokens=num_public_tokens
    )


@pytest.mark.parametrize(
    ("slots", "scope", "tokens", "expected"),
    [
        (make_slots(("u", DOCUMENT), ("", []), busy=(0,)), "u", [*DOCUMENT, 2], (1, 0, 0, 400)),
        (make_slots(("u", DOCUMENT + [5] * 300), ("", [])), "u", [*DOCUMENT, 2], (1, 0, 0, 400)),
        (make_slots(("u/c:1", DOCUMENT + [5] * 300), ("", [])), "u/c:1", [*DOCUMENT, 2], (0, 400, None, 0)),
        (make_slots(("u", DOCUMENT + [5] * 10), ("", [])), "u", [*DOCUMENT, 2], (0, 400, None, 0)),
        (make_slots(("u", DOCUMENT + [5] * 300), ("u", [7] * 500)), "u", [*DOCUMENT, 2], (0, 400, None, 0)),
        (
            make_slots(("u", DOCUMENT + [5] * 300), ("u", [7] * 250), ("u", DOCUMENT + [6] * 200)),
            "u",
            [*DOCUMENT, 2],
            (2, 400, None, 0),
        ),
        (make_slots(("u", DOCUMENT), ("", []), busy=(0,)), "v", [*DOCUMENT, 2], (1, 0, None, 0)),
        (make_slots(("u/c:1", DOCUMENT), ("", []), busy=(0,)), "u/c:2", [*DOCUMENT, 2], (1, 0, 0, 400)),
        (make_slots(("u", [1] * 3), ("", []), busy=(0,)), "u", [1] * 300, (1, 0, None, 0)),
        (make_slots(("u", DOCUMENT), ("u", [1] * 397), busy=(0,)), "u", [*DOCUMENT, 2], (1, 397, None, 0)),
        (make_slots(("u", DOCUMENT + [5] * 300), ("u", [1] * 390)), "u", [*DOCUMENT, 2], (1, 390, 0, 400)),
    ],
    ids=[
        "copied from a busy slot",
        "copied rather than cutting another's conversation",
        "the same conversation again",
        "little would be lost",
        "another slot would lose more",
        "a slot is taken of which most stands in another, too",
        "another owner's is not touched",
        "another conversation of the same owner",
        "too short for a copy",
        "little more than the slot has itself",
        "a copy for few tokens, of a slot that somebody may come back to",
    ],
)
def test_choose_slot(slots: list[Slot], scope: str, tokens: list[int], expected: tuple[int, int, int | None, int]) -> None:
    choice = choose_slot(slots, make_request("r", tokens, scope), num_ctx=NUM_CTX)

    donor = choice.donor.seq_id if choice.donor else None
    assert (choice.slot.seq_id, choice.num_cached_tokens, donor, choice.num_shared_tokens) == expected


def test_choose_slot_public_beginning_is_shared_by_everybody() -> None:
    slots = make_slots(("u", DOCUMENT), ("", []), busy=(0,), num_public_tokens=300)

    choice = choose_slot(slots, make_request("r", DOCUMENT, "v"), num_ctx=NUM_CTX)

    assert (choice.slot.seq_id, choice.num_shared_tokens) == (1, 300)


def test_choose_slot_state_that_cannot_be_cut_is_used_whole_or_not_at_all() -> None:
    slots = make_slots(("", DOCUMENT), ("", [*DOCUMENT, 3]))

    def choose(tokens: list[int]) -> tuple[int, int]:
        choice = choose_slot(slots, make_request("r", tokens), num_ctx=NUM_CTX, can_trim=False)
        return choice.slot.seq_id, choice.num_cached_tokens

    assert choose([*DOCUMENT, 4]) == (0, 400)
    assert choose([*DOCUMENT, 3, 4]) == (1, 401)
    assert choose(DOCUMENT) == (0, 0)


class Store:
    """Keeps states in memory and answers loads when it is told to."""

    def __init__(self, *, whole_only: bool = False, max_bytes: int = 10**9) -> None:
        self.max_bytes = max_bytes
        self.index = KVIndex(whole_only=whole_only)
        self.payloads: dict[str, bytearray] = {}
        self.asked: list[tuple[str, StoredState]] = []
        self.discarded: list[StoredState] = []

    def find(self, scope: str, tokens: Sequence[int]) -> tuple[StoredState, int] | None:
        return self.index.find(scope, tokens)

    def can_hold(self, scope: str, num_tokens: int, num_bytes: int) -> bool:
        assert num_bytes == 4 * num_tokens
        return num_bytes <= self.max_bytes

    def wants(self, scope: str, tokens: Sequence[int]) -> bool:
        return is_worth_storing(tokens) and not self.index.covers(scope, tokens)

    def save(self, scope: str, tokens: Sequence[int], payload: bytearray) -> None:
        assert array("i", bytes(payload)).tolist() == list(tokens), "the state is that of the tokens"
        name = f"{scope} {len(self.payloads)}"
        self.index.add(StoredState(name, scope, list(tokens), len(payload)))
        self.payloads[name] = payload

    def load(self, request_id: str, state: StoredState) -> None:
        self.asked.append((request_id, state))

    def discard(self, state: StoredState) -> None:
        self.index.remove(state.name)
        self.discarded.append(state)

    def forget(self, scope: str) -> None:
        for state in self.index.within(scope):
            self.index.remove(state.name)

    def answer(self, engine: Engine, *, fails: bool = False) -> None:
        request_id, state = self.asked.pop(0)
        engine.take(Loaded(request_id, state, None if fails else self.payloads[state.name]))


class Clock:
    def __init__(self) -> None:
        self.ns = 1

    def __call__(self) -> int:
        self.ns += 1
        return self.ns


def make_engine(store: Store | None, **model: int) -> tuple[Engine, FakeModel, Clock]:
    fake = FakeModel(num_ctx=NUM_CTX, num_batch=512, **{"num_slots": 1, **model})
    clock = Clock()
    return Engine(fake, store=store, clock_ns=clock), fake, clock


def run(engine: Engine, store: Store | None = None, *, fails: bool = False) -> dict[str, tuple[str, RequestFinished]]:
    """Everything to its end; text and end of each request."""
    texts, ends = dict[str, str](), dict[str, RequestFinished]()
    while engine.has_work or engine.is_loading:
        if store and store.asked:
            store.answer(engine, fails=fails)
        for event in engine.step():
            if isinstance(event, OutputDelta):
                texts[event.request_id] = texts.get(event.request_id, "") + event.text
            elif isinstance(event, RequestFinished):
                ends[event.request_id] = event
    return {request_id: (texts.get(request_id, ""), end) for request_id, end in ends.items()}


def check(result: tuple[str, RequestFinished], tokens: list[int], *, num_cached: int) -> None:
    text, end = result
    assert (text, end.finish_reason) == expected_answer(tokens, max_tokens=20, num_ctx=NUM_CTX)
    assert end.stats.num_cached_tokens == num_cached


def test_taken_over_conversation_comes_back_from_the_store() -> None:
    store = Store()
    engine, _model, _clock = make_engine(store)
    for name, tokens in (("a", [1] * 500), ("b", [2] * 500), ("a again", [1] * 500 + [3])):
        engine.add(make_request(name, tokens, f"user:{name[0]}"))
        results = run(engine, store)

    check(results["a again"], [1] * 500 + [3], num_cached=500)


@pytest.mark.parametrize(("max_bytes", "num_saves"), [(1999, 0), (2100, 1)])
def test_state_that_is_too_large_is_not_taken_out(max_bytes: int, num_saves: int) -> None:
    store = Store(max_bytes=max_bytes)
    engine, model, _clock = make_engine(store)
    for tokens in ([1] * 500, [2] * 300):
        engine.add(make_request("r", tokens))
        run(engine, store)

    assert model.num_saves == len(store.payloads) == num_saves


def test_state_that_cannot_be_read_is_computed_again() -> None:
    store = Store()
    engine, _model, _clock = make_engine(store)
    for tokens in ([1] * 500, [2] * 500, [1] * 501):
        engine.add(make_request("r", tokens))
        results = run(engine, store, fails=True)

    check(results["r"], [1] * 501, num_cached=0)


def test_state_that_the_model_refuses_is_thrown_away() -> None:
    store = Store()
    engine, model, _clock = make_engine(store)
    for tokens in ([1] * 500, [2] * 500):
        engine.add(make_request("r", tokens))
        run(engine, store)
    model.refuses_states = True
    engine.add(make_request("r", [1] * 501))

    check(run(engine, store)["r"], [1] * 501, num_cached=0)
    assert [state.tokens[:500] for state in store.discarded] == [[1] * 500]


@pytest.mark.parametrize(("save_ms", "num_saves"), [(100, [1, 2, 3]), (30, [3, 3, 3])])
def test_states_are_taken_out_one_by_one_where_streams_would_stand_still(
    save_ms: int, num_saves: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, model, clock = make_engine(store := Store(), num_slots=4)
    for number in range(1, 5):
        engine.add(make_request(f"old {number}", [number] * 500))
        run(engine, store)
    save = model.save

    def save_slowly(seq_id: int) -> bytearray:
        clock.ns += save_ms * 1_000_000
        return save(seq_id)

    monkeypatch.setattr(model, "save", save_slowly)
    long = next([start] for start in range(10, 60) if len(expected_answer([start], max_tokens=20, num_ctx=NUM_CTX)[0]) == 20)
    engine.add(make_request("stream", long))
    while not engine.scheduler.num_generating:
        engine.step()
    saved = len(store.payloads)
    for number in range(3):
        engine.add(make_request(f"new {number}", [50 + number] * 300))

    for expected in num_saves:
        events = engine.step()
        assert len(store.payloads) - saved == expected
        assert any(isinstance(event, OutputDelta) and event.request_id == "stream" for event in events)


def test_state_that_is_slow_to_come_holds_nobody_else_up() -> None:
    store = Store()
    engine, _model, _clock = make_engine(store, num_slots=2)
    for name, tokens in (("a", [1] * 500), ("b", [2] * 500), ("c", [3] * 500)):
        engine.add(make_request(name, tokens))
        run(engine, store)
    engine.add(make_request("waits", [1] * 501))
    engine.step()
    assert engine.is_loading and not engine.has_work
    engine.add(make_request("streams", [4] * 30))

    ends = []
    while engine.has_work:
        ends += [event.request_id for event in engine.step() if isinstance(event, RequestFinished)]

    assert ends == ["streams"]
    check(run(engine, store)["waits"], [1] * 501, num_cached=500)


def test_state_that_never_comes_is_not_waited_for() -> None:
    store = Store()
    engine, _model, clock = make_engine(store)
    for tokens in ([1] * 500, [2] * 500):
        engine.add(make_request("r", tokens))
        run(engine, store)
    engine.add(make_request("late", [1] * 501))
    engine.step()
    (late,) = store.asked
    store.asked.clear()
    clock.ns += 6_000_000_000

    check(run(engine)["late"], [1] * 501, num_cached=0)
    engine.take(Loaded(*late, store.payloads[late[1].name]))
    engine.add(make_request("next", [5] * 10))
    check(run(engine, store)["next"], [5] * 10, num_cached=0)


def test_aborted_while_its_state_comes_ends_once() -> None:
    store = Store()
    engine, model, _clock = make_engine(store)
    for tokens in ([1] * 500, [2] * 500):
        engine.add(make_request("r", tokens))
        run(engine, store)
    engine.add(make_request("gone", [1] * 501))
    engine.step()

    engine.abort("gone")
    events = engine.step()
    store.answer(engine)

    assert [(e.request_id, e.finish_reason) for e in events if isinstance(e, RequestFinished)] == [("gone", "abort")]
    assert not engine.has_work and not engine.is_loading and not model.open_samplers


def test_forgotten_scope_leaves_nothing_in_slots_or_store() -> None:
    store = Store()
    engine, model, _clock = make_engine(store, num_slots=2)
    engine.add(make_request("idle", [1] * 500, "user:1/c:1"))
    run(engine, store)
    engine.add(make_request("running", [2] * 500, "user:1/c:2"))
    engine.step()

    engine.forget("user:1")
    run(engine, store)

    assert all(not slot.tokens for slot in engine.scheduler.slots) and not any(model.cache.values())
    assert list(engine.prefix_cache.save_all()) == []
    engine.add(make_request("again", [1] * 501, "user:1/c:1"))
    check(run(engine, store)["again"], [1] * 501, num_cached=0)


def test_save_all_begins_with_what_was_used_last() -> None:
    store = Store()
    engine, _model, _clock = make_engine(store, num_slots=3)
    for first in (1, 2):
        engine.add(make_request("r", [first] * 300))
        run(engine, store)

    assert len(list(engine.prefix_cache.save_all())) == 2

    assert [array("i", bytes(payload))[0] for payload in store.payloads.values()] == [2, 1]


def test_state_that_cannot_be_cut_is_used_only_for_what_follows_it() -> None:
    store = Store(whole_only=True)
    engine, _model, _clock = make_engine(store, can_trim=False)
    engine.add(make_request("r", [1] * 500))
    first, _end = run(engine, store)["r"]
    history = [1] * 500 + list(first.encode())
    for name, tokens in (("other", [2] * 500), ("shorter", [1] * 400), ("longer", [*history, 7, 8])):
        engine.add(make_request(name, tokens))
        results = run(engine, store)
        if name == "shorter":
            check(results[name], tokens, num_cached=0)

    assert results["longer"][1].stats.num_cached_tokens > 400
    assert results["longer"][0] == expected_answer([*history, 7, 8], max_tokens=20, num_ctx=NUM_CTX)[0]


@settings(max_examples=60, deadline=None)
@given(
    asked=st.lists(
        st.tuples(
            st.lists(st.sampled_from([(1, 70), (2, 256), (3, 130)]), min_size=1, max_size=4),
            st.sampled_from(["user:1/c:1", "user:1/c:2", "user:2/c:1"]),
            st.integers(0, 3),
        ),
        max_size=14,
    ),
    num_slots=st.integers(1, 3),
    can_trim=st.booleans(),
    fails=st.booleans(),
)
def test_answers_are_the_same_whatever_is_reused(
    asked: list[tuple[list[tuple[int, int]], str, int]], num_slots: int, can_trim: bool, fails: bool
) -> None:
    store = Store(whole_only=not can_trim)
    engine, _model, _clock = make_engine(store, num_slots=num_slots, can_trim=can_trim)
    prompts, results = dict[str, list[int]](), dict[str, tuple[str, RequestFinished]]()
    for number, (parts, scope, num_steps) in enumerate(asked):
        prompts[str(number)] = [token for token, count in parts for _ in range(count)]
        engine.add(make_request(str(number), prompts[str(number)], scope))
        if num_steps == 0:
            results |= run(engine, store, fails=fails)
        elif num_steps == 3:
            engine.forget(scope)
    results |= run(engine, store, fails=fails)

    for request_id, tokens in prompts.items():
        text, end = results[request_id]
        assert (text, end.finish_reason) == expected_answer(tokens, max_tokens=20, num_ctx=NUM_CTX)
        assert end.stats.num_cached_tokens < len(tokens)


def test_beginning_that_many_ask_for_at_once_is_computed_once() -> None:
    model = FakeModel(num_slots=4, num_ctx=NUM_CTX, num_batch=2048)
    engine = Engine(model)
    for number in range(4):
        engine.add(Request(f"r{number}", [*DOCUMENT, 2, number], SamplingParams(), 3, [], arrived_ns=0))
    events = [event for _ in range(12) for event in engine.step()]

    assert sum(len(chunk.tokens) for batch in model.batches for chunk in batch) < 2 * len(DOCUMENT)
    assert model.num_copies == 3
    for number in range(4):
        text = "".join(event.text for event in events if isinstance(event, OutputDelta) and event.request_id == f"r{number}")
        assert text == expected_answer([*DOCUMENT, 2, number], max_tokens=3, num_ctx=NUM_CTX)[0]


def test_nobody_waits_for_a_beginning_of_another_owner_nor_for_one_that_ended() -> None:
    model = FakeModel(num_slots=4, num_ctx=NUM_CTX, num_batch=16)
    engine = Engine(model)
    for name, scope in (("a", "u"), ("b", "v"), ("c", "u")):
        engine.add(Request(name, [*DOCUMENT, 2], SamplingParams(), 1, [], arrived_ns=0, scope=scope))
    engine.step()
    names = [slot.request.request_id for slot in engine.scheduler.running if slot.request]
    engine.abort("a")
    engine.step()

    assert names == ["a", "b"]
    assert [slot.request.request_id for slot in engine.scheduler.running if slot.request] == ["b", "c"]
