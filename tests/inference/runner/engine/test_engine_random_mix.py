"""Everything at once, in random order: owners, images, answers beyond the context, states that come late, not at all or are
refused, forgetting, aborts, faults and moves between places."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.runner.engine.engine import Engine, Event
from inference.runner.engine.kv_store import Loaded
from inference.runner.engine.media import media_ids
from inference.runner.engine.request import Request
from inference.runner.engine.shift import STALE
from inference.runner.messages import OutputDelta, RequestFailed, RequestFinished
from inference.scopes import is_within, owner_of
from tests.inference.runner.engine.fake_model import FakeModel, expected_answer
from tests.inference.runner.engine.test_media import Part, look
from tests.inference.runner.engine.test_prefix_cache import Store

NUM_CTX = 400
CAT = media_ids(b"cat", 0, 12)
SCOPES = ("user:1/c:1", "user:1/c:2", "user:2/c:1")
#: Long enough to be stored, or short; with an image in front of, within or behind what is stored.
BEGINNINGS: list[list[Part]] = [
    [1] * 300,
    [1] * 300 + [2] * 70,
    [3] * 260,
    [4] * 20,
    [CAT, *[1] * 300],
    [*[1] * 300, CAT, 5],
    [6, CAT, 7],
]

actions = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.sampled_from(BEGINNINGS),
            st.integers(8, 10),
            st.sampled_from(SCOPES),
            st.booleans(),
            st.integers(1, 130),
        ),
        st.tuples(st.just("abort"), st.integers(0, 8)),
        st.tuples(st.just("fault"), st.integers(1, 2)),
        st.tuples(st.just("load"), st.sampled_from(["bring", "fail", "refuse"])),
        st.tuples(st.just("forget"), st.sampled_from([*SCOPES, "user:1"])),
        st.tuples(st.just("steps"), st.integers(1, 40)),
        st.tuples(st.just("steps"), st.integers(1, 40)),
    ),
    max_size=24,
)


class Mix:
    def __init__(self, *, num_slots: int, can_trim: bool) -> None:
        self.now_ns = 0
        self.store = Store(whole_only=not can_trim)
        self.model = FakeModel(num_slots=num_slots, num_ctx=NUM_CTX, num_batch=96, can_trim=can_trim)
        self.engine = Engine(self.model, clock_ns=self.tick, store=self.store)
        self.events: list[Event] = []
        self.asked: dict[str, tuple[list[int], Request]] = {}
        self.may_fail = not can_trim

    def tick(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns

    def do(self, action: tuple) -> None:
        match action:
            case ("add", beginning, end, scope, shifts, max_tokens):
                request_id = str(len(self.asked))
                request = look(request_id, *beginning, end, max_tokens=max_tokens, scope=scope)
                request.shifts = shifts and not request.spans
                self.asked[request_id] = (list(request.tokens), request)
                self.engine.add(request)
            case ("abort", number):
                self.engine.abort(str(number))
            case ("fault", count):
                self.model.fail_next, self.may_fail = count, True
            case ("load", outcome):
                self.answer_loads(outcome)
            case ("forget", scope):
                self.engine.forget(scope)
                self.check_forgotten(scope)
            case ("steps", count):
                for _ in range(count):
                    self.step()

    def answer_loads(self, outcome: str) -> None:
        self.model.refuses_states = outcome == "refuse"
        asked, self.store.asked = self.store.asked, []
        for request_id, state in asked:
            payload = None if outcome == "fail" else self.store.payloads.get(state.name)
            self.engine.take(Loaded(request_id, state, payload))
        self.model.refuses_states = False

    def step(self) -> None:
        self.events += self.engine.step()
        scheduler = self.engine.scheduler
        assert sorted(slot.seq_id for slot in scheduler.slots) == list(range(self.model.num_slots))
        for slot in scheduler.slots:
            cached, request = self.model.cache[slot.seq_id], slot.request
            assert len(slot.tokens) == len(cached)
            assert all(token in (STALE, real) for token, real in zip(slot.tokens, cached, strict=True))
            assert request is not None or STALE not in slot.tokens
            if request is not None:
                assert request.tokens[: len(cached)] == cached
                assert slot.loading is None or slot.loading.scope.startswith(owner_of(request.scope) + "/")
        assert len(self.model.open_samplers) == len(scheduler.running)

    def check_forgotten(self, scope: str) -> None:
        assert not any(is_within(slot.scope, scope) and slot.tokens for slot in self.engine.scheduler.slots if not slot.request)
        assert not self.store.index.within(scope)

    def end(self) -> None:
        for _ in range(4000):
            if not (self.engine.has_work or self.engine.is_loading):
                break
            self.answer_loads("bring")
            self.step()
        assert not self.engine.has_work and not self.engine.is_loading
        self.check_answers()
        for scope in SCOPES:
            self.engine.forget(scope)
        assert not any(slot.tokens for slot in self.engine.scheduler.slots)
        assert not any(self.model.cache.values())

    def check_answers(self) -> None:
        ends = Counter(event.request_id for event in self.events if isinstance(event, RequestFinished | RequestFailed))
        assert ends == Counter(dict.fromkeys(self.asked, 1))
        for event in self.events:
            if not isinstance(event, RequestFinished | RequestFailed):
                continue
            prompt, request = self.asked[event.request_id]
            text = "".join(e.text for e in self.events if isinstance(e, OutputDelta) and e.request_id == event.request_id)
            expected, reason = expected_answer(prompt, max_tokens=request.max_tokens, num_ctx=NUM_CTX)
            if isinstance(event, RequestFailed):
                assert self.may_fail
            elif event.finish_reason == "abort":
                assert expected.startswith(text) or request.num_shifted_tokens
            elif not request.num_shifted_tokens:
                assert (text, event.finish_reason) == (expected, reason)


@settings(max_examples=120, deadline=None)
@given(actions=actions, num_slots=st.integers(1, 4), can_trim=st.booleans())
def test_engine_random_mix_keeps_its_invariants(actions: list[tuple], num_slots: int, can_trim: bool) -> None:
    mix = Mix(num_slots=num_slots, can_trim=can_trim)

    for action in actions:
        mix.do(action)

    mix.end()
