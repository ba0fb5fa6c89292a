"""The embedder over a model whose vectors are its inputs, which fails when it is told to."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.runner.engine.batch import DecodeFailed
from inference.runner.engine.embedder import Embedder, EmbeddingJob, Event
from inference.runner.messages import Embeddings, RequestFailed, RequestFinished
from tests.inference.runner.engine.fake_model import POISON


class Mirror:
    def __init__(self, *, num_batch: int = 8, num_sequences: int = 3) -> None:
        self.num_batch, self.num_sequences = num_batch, num_sequences
        self.batches: list[list[list[int]]] = []
        self.fail_next = 0

    def embed(self, inputs: Sequence[list[int]]) -> list[bytes]:
        assert 0 < len(inputs) <= self.num_sequences
        assert len(inputs) == 1 or sum(map(len, inputs)) <= self.num_batch
        self.batches.append(list(inputs))
        if self.fail_next or any(POISON in tokens for tokens in inputs):
            self.fail_next = max(0, self.fail_next - 1)
            raise DecodeFailed("told to fail")
        return [bytes(tokens) for tokens in inputs]


def job(name: str, *inputs: list[int]) -> EmbeddingJob:
    return EmbeddingJob(name, list(inputs), arrived_ns=0)


def run(embedder: Embedder) -> list[Event]:
    events: list[Event] = []
    for _ in range(1000):
        if not embedder.has_work:
            return events
        events += embedder.step()
    raise AssertionError("the embedder did not come to an end")


def test_step_packs_inputs_of_several_jobs_into_one_batch() -> None:
    model = Mirror()
    embedder = Embedder(model)
    for name in ("a", "b", "c"):
        embedder.add(job(name, [1, 2]))

    events = embedder.step()

    assert len(model.batches) == 1
    assert sorted(event.request_id for event in events) == ["a", "b", "c"]
    assert [event.vectors for event in events if isinstance(event, Embeddings)] == [[bytes([1, 2])]] * 3


def test_step_input_longer_than_a_batch_is_computed_alone() -> None:
    model = Mirror(num_batch=4)
    embedder = Embedder(model)
    embedder.add(job("a", [1], [2] * 9, [3]))

    (event,) = run(embedder)

    assert model.batches == [[[1]], [[2] * 9], [[3]]]
    assert isinstance(event, Embeddings) and event.stats.num_prompt_tokens == 11


def test_step_job_with_many_inputs_does_not_hold_up_one_with_few() -> None:
    embedder = Embedder(Mirror())
    embedder.add(job("many", *([[n, n] for n in range(100)])))
    embedder.add(job("few", [1, 1]))

    assert [event.request_id for event in embedder.step()] == ["few"]


def test_step_beside_streams_learns_to_take_less() -> None:
    now = [0]
    model = Mirror(num_batch=512, num_sequences=64)
    embedder = Embedder(model, max_gap_ms=100, clock_ns=lambda: now.__setitem__(0, now[0] + 1) or now[0])
    embedder.add(job("a", *([[1] * 8] * 400)))
    sizes = []
    while embedder.has_work:
        before = len(model.batches)
        # The step of the streams' own engine took this long each time.
        embedder.step(num_generating=2, stalled_ns=400_000_000)
        sizes.append(sum(map(len, model.batches[before])))

    assert sizes[-2] == 8 and sizes[0] > 8


def test_step_abort_ends_a_job_once() -> None:
    embedder = Embedder(Mirror())
    embedder.add(job("a", *([[1]] * 50)))
    embedder.step()
    embedder.abort("a")
    embedder.abort("a")
    embedder.abort("unknown")

    num_done = len(embedder.jobs[0].vectors)
    (event,) = embedder.step()

    assert isinstance(event, RequestFinished) and event.finish_reason == "abort"
    assert event.stats.num_prompt_tokens == num_done < 50
    assert not embedder.has_work and embedder.step() == []


def test_step_input_at_fault_fails_its_job_only() -> None:
    embedder = Embedder(Mirror())
    embedder.add(job("good", [1], [2]))
    embedder.add(job("bad", [3], [POISON], [4]))

    events = {event.request_id: event for event in run(embedder)}

    assert events["good"].vectors == [b"\x01", b"\x02"]
    assert isinstance(events["bad"], RequestFailed) and "told to fail" in events["bad"].message


actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.lists(st.sampled_from([1, 2, POISON]), min_size=1, max_size=6), min_size=1)),
        st.tuples(st.just("abort"), st.integers(0, 8)),
        st.tuples(st.just("fault"), st.integers(1, 3)),
        st.tuples(st.just("step"), st.integers(0, 3)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(actions=actions, num_batch=st.integers(1, 9), num_sequences=st.integers(1, 4))
def test_embedder_random_run_ends_every_job_once(actions: list[tuple], num_batch: int, num_sequences: int) -> None:
    model = Mirror(num_batch=num_batch, num_sequences=num_sequences)
    embedder = Embedder(model)
    asked: dict[str, list[list[int]]] = {}
    aborted, has_faults, events = set(), False, []
    for action in actions:
        match action:
            case ("add", inputs):
                asked[str(len(asked))] = inputs
                embedder.add(job(str(len(asked) - 1), *inputs))
            case ("abort", number):
                aborted.add(str(number))
                embedder.abort(str(number))
            case ("fault", count):
                has_faults, model.fail_next = True, count
            case ("step", num_generating):
                events += embedder.step(num_generating=num_generating, stalled_ns=10**8)
    events += run(embedder)

    assert Counter(event.request_id for event in events) == Counter(dict.fromkeys(asked, 1))
    for event in events:
        inputs = asked[event.request_id]
        if isinstance(event, Embeddings):
            assert event.vectors == [bytes(tokens) for tokens in inputs]
        elif isinstance(event, RequestFinished):
            assert event.request_id in aborted
        else:
            assert has_faults or any(POISON in tokens for tokens in inputs)
