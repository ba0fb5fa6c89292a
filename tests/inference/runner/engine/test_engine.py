from inference.runner.engine.engine import Engine, Event
from inference.runner.engine.request import Request
from inference.runner.messages import OutputDelta, PromptProgress, RequestFailed, RequestFinished, SamplingParams
from tests.inference.runner.engine.fake_model import POISON, FakeModel, expected_answer


def make_request(
    request_id: str, prompt: list[int] | None = None, *, max_tokens: int | None = 5, stop: list[str] | None = None
) -> Request:
    return Request(request_id, list(prompt or [7, 8]), SamplingParams(), max_tokens, stop or [], arrived_ns=0)


def run(engine: Engine, max_steps: int = 1000) -> list[Event]:
    events: list[Event] = []
    for _ in range(max_steps):
        if not engine.has_work:
            return events
        events += engine.step()
    raise AssertionError("the engine does not come to an end")


def text_of(events: list[Event], request_id: str) -> str:
    return "".join(event.text for event in events if isinstance(event, OutputDelta) and event.request_id == request_id)


def end_of(events: list[Event], request_id: str) -> RequestFinished | RequestFailed:
    ends = [e for e in events if isinstance(e, RequestFinished | RequestFailed) and e.request_id == request_id]
    assert len(ends) == 1
    return ends[0]


def test_engine_answers_as_the_model_does() -> None:
    engine = Engine(FakeModel())
    engine.add(make_request("a", [7, 8], max_tokens=None))

    events = run(engine)

    text, finish_reason = expected_answer([7, 8], max_tokens=None, num_ctx=64)
    assert text_of(events, "a") == text
    assert end_of(events, "a").finish_reason == finish_reason


def test_engine_two_requests_advance_in_the_same_steps() -> None:
    model = FakeModel()
    engine = Engine(model)
    engine.add(make_request("a", [1]))
    engine.add(make_request("b", [5]))

    engine.step()
    both = engine.step()

    assert {event.request_id for event in both if isinstance(event, OutputDelta)} == {"a", "b"}
    assert len(model.batches[1]) == 2


def test_engine_more_requests_than_slots_wait_their_turn() -> None:
    engine = Engine(FakeModel(num_slots=2))
    for number in range(5):
        engine.add(make_request(str(number), [number + 1]))

    events = run(engine)

    assert [end_of(events, str(number)).finish_reason for number in range(5)] == [
        expected_answer([number + 1], max_tokens=5, num_ctx=64)[1] for number in range(5)
    ]


def test_engine_abort_running_ends_at_next_step_without_computing_it() -> None:
    model = FakeModel()
    engine = Engine(model)
    engine.add(make_request("a", max_tokens=None))
    engine.step()
    engine.abort("a")

    events = engine.step()

    end = end_of(events, "a")
    assert isinstance(end, RequestFinished) and end.finish_reason == "abort"
    assert end.stats.num_prompt_tokens == len(model.batches[0][0].tokens) and end.stats.num_completion_tokens == 1
    assert len(model.batches) == 1
    assert not engine.has_work
    assert not model.open_samplers


def test_engine_abort_waiting_never_computes_it() -> None:
    model = FakeModel(num_slots=1)
    engine = Engine(model)
    engine.add(make_request("a", [50], max_tokens=2))
    engine.add(make_request("b", [POISON]))
    engine.abort("b")

    events = run(engine)

    end = end_of(events, "b")
    assert isinstance(end, RequestFinished) and end.finish_reason == "abort"
    assert end.stats.num_prompt_tokens == end.stats.num_completion_tokens == 0
    assert isinstance(end_of(events, "a"), RequestFinished)


def test_engine_abort_amid_the_prompt_tells_how_much_of_it_was_read() -> None:
    engine = Engine(FakeModel(num_batch=16))
    engine.add(make_request("a", list(range(40))))
    engine.step()
    engine.abort("a")

    end = end_of(engine.step(), "a")

    assert isinstance(end, RequestFinished)
    assert (end.stats.num_prompt_tokens, end.stats.num_completion_tokens) == (16, 0)


def test_engine_abort_unknown_is_ignored() -> None:
    engine = Engine(FakeModel())
    engine.abort("nobody")
    engine.add(make_request("a"))

    assert end_of(run(engine), "a").finish_reason in {"stop", "length"}


def test_engine_long_prompt_reports_progress_and_finishes() -> None:
    engine = Engine(FakeModel(num_batch=16))
    prompt = list(range(40))
    engine.add(make_request("a", prompt))

    events = run(engine)

    progress = [event.num_computed_tokens for event in events if isinstance(event, PromptProgress)]
    assert progress == [16, 32]
    assert text_of(events, "a") == expected_answer(prompt, max_tokens=5, num_ctx=64)[0]


def test_engine_full_context_finishes_with_length() -> None:
    engine = Engine(FakeModel(num_ctx=8))
    prompt = [2, 2, 2, 2]
    assert expected_answer(prompt, max_tokens=None, num_ctx=8)[1] == "length"
    engine.add(make_request("a", prompt, max_tokens=None))

    events = run(engine)

    end = end_of(events, "a")
    assert end.finish_reason == "length"
    assert end.stats.num_prompt_tokens + end.stats.num_completion_tokens == 8


def test_engine_max_tokens_zero_computes_the_prompt_only() -> None:
    model = FakeModel()
    engine = Engine(model)
    engine.add(make_request("a", [1, 2, 3], max_tokens=0))

    end = end_of(run(engine), "a")

    assert (end.finish_reason, end.stats.num_completion_tokens) == ("length", 0)
    assert model.cache[0] == [1, 2, 3]


def test_engine_stop_string_is_not_shown() -> None:
    text, _ = expected_answer([7, 8], max_tokens=None, num_ctx=64)
    stop = text[2:5]
    engine = Engine(FakeModel())
    engine.add(make_request("a", [7, 8], max_tokens=None, stop=[stop]))

    events = run(engine)

    assert text_of(events, "a") == text[: text.index(stop)]
    assert end_of(events, "a").finish_reason == "stop"


def test_engine_same_beginning_is_reused_and_changes_nothing() -> None:
    model = FakeModel()
    engine = Engine(model)
    prompt = list(range(30))
    engine.add(make_request("a", prompt))
    run(engine)
    engine.add(make_request("b", [*prompt[:20], 77, 78]))

    events = run(engine)

    assert end_of(events, "b").stats.num_cached_tokens == 20
    assert text_of(events, "b") == expected_answer([*prompt[:20], 77, 78], max_tokens=5, num_ctx=64)[0]


def test_engine_repeated_prompt_computes_its_last_token_again() -> None:
    engine = Engine(FakeModel())
    for request_id in ("a", "b"):
        engine.add(make_request(request_id, [1, 2, 3, 4]))
        events = run(engine)

    assert end_of(events, "b").stats.num_cached_tokens == 3
    assert text_of(events, "b") == expected_answer([1, 2, 3, 4], max_tokens=5, num_ctx=64)[0]


def test_engine_state_that_cannot_be_trimmed_is_computed_anew() -> None:
    engine = Engine(FakeModel(can_trim=False))
    engine.add(make_request("a", list(range(20))))
    run(engine)
    engine.add(make_request("b", [*range(15), 99]))

    events = run(engine)

    assert end_of(events, "b").stats.num_cached_tokens == 0
    assert text_of(events, "b") == expected_answer([*range(15), 99], max_tokens=5, num_ctx=64)[0]


def test_engine_decode_error_fails_only_the_request_at_fault() -> None:
    engine = Engine(FakeModel())
    engine.add(make_request("good", [7, 8]))
    engine.add(make_request("bad", [7, POISON]))
    engine.add(make_request("fine", [9]))

    events = run(engine)

    failure = end_of(events, "bad")
    assert isinstance(failure, RequestFailed)
    assert (failure.code, "told to fail" in failure.message) == ("engine_error", True)
    assert text_of(events, "good") == expected_answer([7, 8], max_tokens=5, num_ctx=64)[0]
    assert text_of(events, "fine") == expected_answer([9], max_tokens=5, num_ctx=64)[0]


def test_engine_decode_error_that_passes_fails_nobody() -> None:
    model = FakeModel()
    engine = Engine(model)
    engine.add(make_request("a", [7, 8]))
    engine.add(make_request("b", [9]))
    model.fail_next = 1

    events = run(engine)

    assert text_of(events, "a") == expected_answer([7, 8], max_tokens=5, num_ctx=64)[0]
    assert text_of(events, "b") == expected_answer([9], max_tokens=5, num_ctx=64)[0]


def test_engine_deltas_count_every_token_that_was_shown() -> None:
    engine = Engine(FakeModel())
    engine.add(make_request("a", [7, 8], max_tokens=5))

    events = run(engine)

    shown = sum(event.num_tokens for event in events if isinstance(event, OutputDelta))
    end = end_of(events, "a")
    assert shown == len(text_of(events, "a")) == end.stats.num_completion_tokens - (end.finish_reason == "stop")


def test_engine_stats_add_up_to_the_time_on_the_clock() -> None:
    ticks = iter(range(1000, 1_000_000, 10))
    engine = Engine(FakeModel(), clock_ns=lambda: next(ticks))
    engine.add(make_request("a", list(range(40)), max_tokens=3))

    stats = end_of(run(engine), "a").stats

    assert stats.queue_duration_ns == 1000
    assert stats.prompt_eval_duration_ns > 0
    assert stats.eval_duration_ns > 0
