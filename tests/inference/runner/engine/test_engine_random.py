"""Random sequences of add, abort, step and fault: what holds after each of them holds always."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.runner.engine.engine import Engine, Event
from inference.runner.engine.request import Request
from inference.runner.messages import OutputDelta, RequestFailed, RequestFinished, SamplingParams
from tests.inference.runner.engine.fake_model import POISON, FakeModel, expected_answer

NUM_CTX = 24
#: Few different tokens, so that prompts often begin alike.
prompts = st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=NUM_CTX - 1)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), prompts, st.one_of(st.none(), st.integers(0, 9)), st.booleans()),
        st.tuples(st.just("abort"), st.integers(0, 12)),
        st.tuples(st.just("fault"), st.integers(1, 3)),
        st.tuples(st.just("step")),
        st.tuples(st.just("step")),
    ),
    max_size=50,
)


class Run:
    """An engine under test, with what was asked of it and what it said."""

    def __init__(self, model: FakeModel) -> None:
        self.model = model
        self.engine = Engine(model)
        self.events: list[Event] = []
        self.asked: dict[str, tuple[list[int], int | None]] = {}
        self.aborted: set[str] = set()
        self.has_faults = False

    def do(self, action: tuple) -> None:
        match action:
            case ("add", prompt, max_tokens, is_poisoned):
                request_id = str(len(self.asked))
                tokens = [*prompt[:-1], POISON] if is_poisoned and len(prompt) % 4 == 0 else prompt
                self.asked[request_id] = (tokens, max_tokens)
                self.engine.add(Request(request_id, list(tokens), SamplingParams(), max_tokens, [], arrived_ns=0))
            case ("abort", number):
                self.aborted.add(str(number))
                self.engine.abort(str(number))
            case ("fault", count):
                self.has_faults = True
                self.model.fail_next = count
            case _:
                self.step()

    def step(self) -> None:
        self.events += self.engine.step()
        self.check_invariants()

    def check_invariants(self) -> None:
        scheduler = self.engine.scheduler
        open_requests = [slot.request for slot in scheduler.running]
        assert None not in open_requests
        assert len({id(slot) for slot in scheduler.running}) == len(scheduler.running) <= self.model.num_slots
        waiting = [request.request_id for request in scheduler.waiting]
        open_ids = [request.request_id for request in open_requests if request] + waiting
        ended = Counter(e.request_id for e in self.events if isinstance(e, RequestFinished | RequestFailed))
        assert set(ended.values()) <= {1}
        assert Counter(open_ids) + ended == Counter(dict.fromkeys(self.asked, 1))
        for slot in scheduler.slots:
            assert slot.tokens == self.model.cache[slot.seq_id]
            assert slot.request is None or slot.request.tokens[: len(slot.tokens)] == slot.tokens
        assert len(self.model.open_samplers) == len(scheduler.running)

    def check_answers(self) -> None:
        for request_id, (prompt, max_tokens) in self.asked.items():
            end = next(e for e in self.events if isinstance(e, RequestFinished | RequestFailed) and e.request_id == request_id)
            text = "".join(e.text for e in self.events if isinstance(e, OutputDelta) and e.request_id == request_id)
            expected = ("", "length") if max_tokens == 0 else expected_answer(prompt, max_tokens=max_tokens, num_ctx=NUM_CTX)
            if isinstance(end, RequestFailed):
                # A neighbour whose state cannot be restored goes with the one at fault.
                assert POISON in prompt or self.has_faults or not self.model.can_trim
                assert expected[0].startswith(text)
            elif end.finish_reason == "abort":
                assert request_id in self.aborted
                assert expected[0].startswith(text)
            else:
                assert (text, end.finish_reason) == expected


@settings(max_examples=150, deadline=None)
@given(actions=actions, num_slots=st.integers(1, 4), num_batch=st.integers(4, 9), can_trim=st.booleans())
def test_engine_random_run_keeps_its_invariants(actions: list[tuple], num_slots: int, num_batch: int, can_trim: bool) -> None:
    run = Run(FakeModel(num_slots=num_slots, num_ctx=NUM_CTX, num_batch=num_batch, can_trim=can_trim))

    for action in actions:
        run.do(action)
    for _ in range(2000):
        if not run.engine.has_work:
            break
        run.step()

    assert not run.engine.has_work
    run.step()
    run.check_answers()
