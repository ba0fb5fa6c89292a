from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.runner.engine.engine import Engine
from inference.runner.engine.media import MediaSpan, media_ids, uncut
from inference.runner.engine.prefix_cache import reusable_tokens
from inference.runner.engine.request import Request
from inference.runner.engine.slot import Slot
from inference.runner.messages import PromptProgress, RequestFailed, RequestFinished, SamplingParams
from tests.inference.runner.engine.fake_model import FakeModel, expected_answer
from tests.inference.runner.engine.test_engine import end_of, run, text_of
from tests.inference.runner.engine.test_engine_random import NUM_CTX, Run

CAT, DOG = media_ids(b"cat", 0, 6), media_ids(b"dog", 0, 6)
Part = int | list[int]


def look(request_id: str, *parts: Part, max_tokens: int | None = 5, scope: str = "", num_extra_tokens: int = 0) -> Request:
    """A prompt of tokens and images."""
    tokens: list[int] = []
    spans = []
    for part in parts:
        if isinstance(part, int):
            tokens.append(part)
        else:
            spans.append(MediaSpan(len(tokens), len(tokens) + len(part), part, num_extra_tokens))
            tokens += part
    return Request(request_id, tokens, SamplingParams(), max_tokens, [], arrived_ns=0, scope=scope, spans=tuple(spans))


def check_answer(engine_events: list, request: Request, prompt: Sequence[int]) -> None:
    text, finish_reason = expected_answer(prompt, max_tokens=request.max_tokens, num_ctx=64)
    assert text_of(engine_events, request.request_id) == text
    end = end_of(engine_events, request.request_id)
    assert isinstance(end, RequestFinished)
    assert end.finish_reason == finish_reason


def test_image_ids_are_its_own_and_no_tokens() -> None:
    assert media_ids(b"cat", 0, 6) == CAT
    assert len({*CAT, *DOG, *media_ids(b"cat", 1, 6)}) == 18
    assert all(-(2**31) <= number < -1 for number in CAT)


def test_image_is_computed_between_the_texts_around_it() -> None:
    model = FakeModel()
    engine = Engine(model)
    request = look("a", 7, 8, CAT, 9, DOG, CAT, 5)
    engine.add(request)

    events = run(engine)

    check_answer(events, request, [7, 8, *CAT, 9, *DOG, *CAT, 5])
    assert model.media == [CAT, DOG, CAT]
    prompt_chunks = [chunk.tokens for batch in model.batches for chunk in batch][:3]
    assert prompt_chunks == [[7, 8], [9], [5]]
    progress = [event.num_computed_tokens for event in events if isinstance(event, PromptProgress)]
    assert progress == [2, 8, 9, 15, 21]


def test_prompt_that_begins_with_an_image_is_answered() -> None:
    engine = Engine(FakeModel())
    request = look("a", CAT, 7)
    engine.add(request)

    check_answer(run(engine), request, [*CAT, 7])


def test_image_stands_in_no_batch_and_delays_no_more_than_its_step() -> None:
    model = FakeModel()
    engine = Engine(model)
    engine.add(look("a", 1, max_tokens=20))
    engine.step()
    engine.add(look("b", CAT, DOG, 7))

    events = [engine.step() for _ in range(3)]

    assert [len(model.media), len(model.batches)] == [2, 4]
    assert all(text_of(step, "a") for step in events)
    assert all(token >= 0 for batch in model.batches for chunk in batch for token in chunk.tokens)


def test_equal_image_is_not_computed_again() -> None:
    model = FakeModel()
    engine = Engine(model)
    first = look("a", 7, CAT, 8)
    engine.add(first)
    run(engine)
    again, other = look("b", 7, CAT, 9), look("c", 7, DOG, 9)
    engine.add(again)
    events = run(engine)
    engine.add(other)
    events += run(engine)

    assert model.media == [CAT, DOG]
    assert (again.num_cached_tokens, other.num_cached_tokens) == (7, 1)
    check_answer(events, again, [7, *CAT, 9])
    check_answer(events, other, [7, *DOG, 9])


def test_image_of_another_person_is_computed_again() -> None:
    model = FakeModel()
    engine = Engine(model)
    engine.add(look("a", 7, CAT, 8, scope="one"))
    run(engine)
    engine.add(look("b", 7, CAT, 8, scope="other"))
    run(engine)

    assert model.media == [CAT, CAT]


def test_reuse_never_ends_inside_an_image() -> None:
    request = look("a", 7, 7, CAT, 8, DOG, 9)
    places = [uncut(request.spans, count) for count in range(len(request.tokens) + 1)]

    assert places == [0, 1, *[2] * 6, 8, *[9] * 6, 15, 16]


def test_reuse_with_an_image_that_was_cut_ends_before_it() -> None:
    slot, request = Slot(0), look("a", 7, CAT, 8)
    slot.tokens = [7, *CAT[:4]]

    assert reusable_tokens(slot, request) == 1


def test_image_whose_tokens_share_positions_takes_the_room_of_all_of_them() -> None:
    model = FakeModel(num_ctx=32)
    engine = Engine(model)
    engine.add(look("a", 7, CAT, 8, num_extra_tokens=10, max_tokens=None))
    first = run(engine)
    again = look("b", 7, CAT, 8, num_extra_tokens=10, max_tokens=1)
    engine.add(again)
    run(engine)

    assert model.media == [CAT]
    assert again.stats(0).num_cached_tokens == 17
    end = end_of(first, "a")
    assert isinstance(end, RequestFinished)
    progress = [(event.num_computed_tokens, event.num_prompt_tokens) for event in first if isinstance(event, PromptProgress)]
    assert progress == [(1, 18), (17, 18)]
    assert end.stats.num_prompt_tokens == 18
    assert end.stats.num_prompt_tokens + end.stats.num_completion_tokens <= 32


def test_image_that_cannot_be_computed_fails_its_request_alone() -> None:
    model = FakeModel()
    engine = Engine(model)
    other = look("b", 3, max_tokens=20)
    engine.add(other)
    engine.step()
    engine.add(look("a", CAT, 7))
    model.fail_next = 1

    events = engine.step() + run(engine)

    assert isinstance(end_of(events, "a"), RequestFailed)
    assert end_of(events, "b").request_id == "b"
    assert model.cache[1] == []
    assert not model.open_samplers


class MediaRun(Run):
    def do(self, action: tuple) -> None:
        if action[0] != "look":
            super().do(action)
            return
        request = look(str(len(self.asked)), *action[1], max_tokens=action[2])
        self.asked[request.request_id] = (list(request.tokens), action[2])
        self.engine.add(request)


images = st.sampled_from([media_ids(b"cat", 0, 4), media_ids(b"dog", 0, 4), media_ids(b"cat", 0, 2)])
texts = st.lists(st.sampled_from([1, 2, 3]), max_size=3)
looks = st.tuples(
    st.just("look"),
    st.builds(lambda a, one, b, two, c: [*a, one, *b, two, *c, 1], texts, images, texts, images, texts),
    st.one_of(st.none(), st.integers(0, 9)),
)
media_actions = st.lists(
    st.one_of(
        looks,
        looks,
        st.tuples(
            st.just("add"),
            st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=NUM_CTX - 1),
            st.integers(0, 9),
            st.just(False),
        ),
        st.tuples(st.just("abort"), st.integers(0, 12)),
        st.tuples(st.just("fault"), st.integers(1, 3)),
        st.tuples(st.just("step")),
        st.tuples(st.just("step")),
        st.tuples(st.just("step")),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(actions=media_actions, num_slots=st.integers(1, 4), num_batch=st.integers(4, 9), can_trim=st.booleans())
def test_engine_random_run_with_images_keeps_its_invariants(
    actions: list[tuple], num_slots: int, num_batch: int, can_trim: bool
) -> None:
    run_ = MediaRun(FakeModel(num_slots=num_slots, num_ctx=NUM_CTX, num_batch=num_batch, can_trim=can_trim))

    for action in actions:
        run_.do(action)
    for _ in range(2000):
        if not run_.engine.has_work:
            break
        run_.step()

    assert not run_.engine.has_work
    run_.step()
    run_.check_answers()
    assert all(token >= 0 for batch in run_.model.batches for chunk in batch for token in chunk.tokens)
