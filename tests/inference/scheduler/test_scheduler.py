import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from inference.errors import ContextLengthExceeded, InferenceError, ModelLoadFailed, QueueFull, RunnerCrashed, RuntimeShuttingDown
from inference.library.models import InstalledModel
from inference.runner.messages import TextPrompt, Tokenize, Tokens
from inference.scheduler import Finished, Loading, Output, Queued, RequestStream, Scheduler, StreamEvent
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_machine import GB, FakeMachine
from tests.inference.scheduler.fake_runner import FakeRunners, until

Make = Callable[..., Scheduler]
Install = Callable[[str], InstalledModel]


async def read(stream: RequestStream) -> list[StreamEvent]:
    async with asyncio.timeout(5):
        return [event async for event in stream]


async def text_of(stream: RequestStream) -> str:
    return "".join(event.text for event in await read(stream) if isinstance(event, Output))


async def test_failed_load_fails_everyone_who_waits(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")
    runners.failures.append(ModelLoadFailed("The file is no model."))
    streams = [scheduler.submit(request(model, str(number))) for number in range(5)]

    for stream in streams:
        with pytest.raises(ModelLoadFailed, match="The file is no model"):
            await read(stream)
    assert runners.num_starts == 1
    assert scheduler.num_waiting == 0
    assert scheduler.loaded() == []


async def test_unexpected_failure_of_a_start_is_a_clear_error(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    runners.failures.append(OSError("fork: no memory"))

    with pytest.raises(ModelLoadFailed, match="could not be started"):
        await read(scheduler.submit(request(model, "r")))


async def test_machine_that_cannot_be_looked_at_fails_the_load_and_keeps_nobody_waiting(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    class Broken(FakeMachine):
        async def refresh_devices(self) -> None:
            raise OSError("Too many open files")

    scheduler, model = make_scheduler(machine=Broken(runners, total=GB, bytes_each=0)), installed("a")

    with pytest.raises(ModelLoadFailed, match="could not be loaded"):
        await read(scheduler.submit(request(model, "r")))
    assert scheduler.loaded() == []


async def test_load_that_failed_is_tried_again_by_the_next_request(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    runners.failures.append(ModelLoadFailed("once"))
    with pytest.raises(ModelLoadFailed):
        await read(scheduler.submit(request(model, "r1")))
    stream = scheduler.submit(request(model, "r2"))
    await until(lambda: runners.started and runners.last.open)
    runners.last.finish("r2")

    assert [type(event) for event in await read(stream)][-1] is Finished


async def test_third_failure_within_a_minute_is_refused_at_once(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    runners.failures = [ModelLoadFailed("bad tensor")] * 3
    for number in range(3):
        with pytest.raises(ModelLoadFailed, match="bad tensor"):
            await read(scheduler.submit(request(model, str(number))))

    with pytest.raises(ModelLoadFailed, match=r"failed 3 times within a minute.*bad tensor"):
        scheduler.submit(request(model, "r"))
    assert runners.num_starts == 3
    other = scheduler.submit(request(installed("b"), "other"))
    await until(lambda: runners.started and runners.last.open)
    runners.last.finish("other")
    await read(other)


async def test_crash_fails_its_own_requests_and_those_waiting_get_a_new_runner(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    running = scheduler.submit(request(model, "r1"))
    waiting = scheduler.submit(request(model, "r2"))
    await until(lambda: runners.started and runners.last.open)
    runners.last.say("r1", "half")
    runners.last.crash()

    assert await anext(running) in (Loading(0.0), Output("half", 1))
    with pytest.raises(RunnerCrashed):
        await read(running)
    await until(lambda: len(runners.started) == 2 and runners.last.open)
    runners.last.say("r2", "whole")
    runners.last.finish("r2")
    assert await text_of(waiting) == "whole"


async def test_crashed_model_takes_nobodys_place_when_its_process_is_gone_at_last(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler = make_scheduler(max_loaded_models=1)
    crashed = scheduler.submit(request(installed("a"), "crashed"))
    await until(lambda: runners.started and runners.last.open)
    first = runners.last
    first.may_close.clear()
    other = scheduler.submit(request(installed("b"), "other"))
    first.crash()
    with pytest.raises(RunnerCrashed):
        await read(crashed)
    await until(lambda: len(runners.started) == 2 and runners.last.open)
    again = scheduler.submit(request(installed("a"), "again"))

    first.may_close.set()
    await until(lambda: first.is_closed)
    runners.last.finish("other")
    await read(other)

    await until(lambda: len(runners.started) == 3 and runners.last.open)
    runners.last.finish("again")
    assert isinstance((await read(again))[-1], Finished)


async def test_crash_loop_of_a_model_in_use_ends_with_an_error(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    streams = [scheduler.submit(request(model, str(number))) for number in range(5)]
    for number in range(3):
        await until(lambda count=number: len(runners.started) > count and runners.last.open)  # type: ignore[misc]
        runners.last.crash()

    outcomes = await asyncio.gather(*(read(stream) for stream in streams), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [RunnerCrashed] * 3 + [ModelLoadFailed] * 2
    assert runners.num_starts == 3


async def test_runner_that_ends_without_a_reason_still_ends_the_request(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    stream = scheduler.submit(request(model, "r"))
    await until(lambda: runners.started and runners.last.open)
    runners.last.open["r"].put_nowait(InferenceError("something odd"))

    with pytest.raises(InferenceError, match="something odd"):
        await read(stream)


async def test_error_of_one_request_leaves_the_others(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")
    bad, good = scheduler.submit(request(model, "bad")), scheduler.submit(request(model, "good"))
    await until(lambda: runners.started and len(runners.last.open) == 2)
    runners.last.open["bad"].put_nowait(ContextLengthExceeded("too long"))
    runners.last.say("good", "yes")
    runners.last.finish("good")

    with pytest.raises(ContextLengthExceeded):
        await read(bad)
    assert await text_of(good) == "yes"
    assert runners.num_starts == 1


async def test_full_queue_counts_every_model_and_every_waiting_request(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, first, second = make_scheduler(max_queue=2, num_parallel=1), installed("a"), installed("b")
    running = scheduler.submit(request(first, "r1"))
    await until(lambda: runners.started and runners.last.open)
    waiting = [scheduler.submit(request(first, "r2")), scheduler.submit(request(second, "r3"))]

    for model in (first, second):
        with pytest.raises(QueueFull, match=r"^server busy, please try again\.  maximum pending requests exceeded$"):
            scheduler.submit(request(model, "r4"))
    assert scheduler.num_waiting <= 2
    for stream in (running, *waiting):
        stream.cancel()
    assert scheduler.num_waiting == 0


async def test_requests_for_one_model_share_one_load(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")
    runners.gate.clear()
    streams = [scheduler.submit(request(model, str(number))) for number in range(2)]
    await until(lambda: runners.progress)
    assert runners.progress is not None
    runners.progress(0.5)
    assert [await anext(stream) for stream in streams] == [Loading(0.5)] * 2
    runners.gate.set()
    await until(lambda: runners.started and len(runners.last.open) == 2)

    assert runners.num_starts == 1


async def test_runner_gets_no_more_requests_than_it_has_slots(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=2), installed("a")
    streams = [scheduler.submit(request(model, f"r{number}")) for number in range(4)]
    await until(lambda: runners.started and len(runners.last.open) == 2)
    assert await anext(streams[3]) == Queued(2)
    runners.last.finish("r0")
    await until(lambda: "r2" in runners.last.open)
    assert await anext(streams[3]) == Queued(1, seconds=1)
    for request_id in ("r1", "r2"):
        runners.last.finish(request_id)
    await until(lambda: "r3" in runners.last.open)
    runners.last.finish("r3")

    for stream in streams:
        assert isinstance((await read(stream))[-1], Finished)
    assert runners.last.most_open == 2


async def test_clients_take_turns_and_background_comes_last(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    scheduler.submit(request(model, "title", client="a", is_background=True))
    for request_id in ("a1", "a2", "b1"):
        scheduler.submit(request(model, request_id, client=request_id[0]))
    await until(lambda: runners.started)
    for count in range(1, 5):
        await until(lambda count=count: len(runners.last.seen) == count and runners.last.open)  # type: ignore[misc]
        runners.last.finish(runners.last.seen[-1])

    assert runners.last.seen == ["a1", "b1", "a2", "title"]


async def test_cancelled_request_is_aborted_and_its_slot_is_free(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    running, waiting = scheduler.submit(request(model, "r1")), scheduler.submit(request(model, "r2"))
    await until(lambda: runners.started and runners.last.open)
    running.cancel()
    await until(lambda: "r2" in runners.last.open)

    assert runners.last.aborted == ["r1"]
    assert await read(running) == []
    runners.last.finish("r2")
    assert isinstance((await read(waiting))[-1], Finished)


async def test_request_cancelled_in_the_step_it_was_started_frees_its_slot(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    await read(scheduler.submit(request(model, None)))
    # The task that answers it has not run a line yet.
    scheduler.submit(request(model, "r1")).cancel()
    stream = scheduler.submit(request(model, "r2"))
    await until(lambda: "r2" in runners.last.open)
    runners.last.finish("r2")

    assert isinstance((await read(stream))[-1], Finished)
    assert runners.last.seen == ["r2"]


async def test_load_nobody_waits_for_any_more_is_kept(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")
    runners.gate.clear()
    scheduler.submit(request(model, "r")).cancel()
    runners.gate.set()
    await until(scheduler.loaded)

    assert scheduler.num_waiting == 0
    assert runners.last.seen == []


async def test_loading_only_needs_no_slot(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    events = await read(scheduler.submit(request(model, None)))
    scheduler.submit(request(model, "r1"))
    again = await read(scheduler.submit(request(model, None, keep_alive=60)))

    assert [event.finish_reason for event in (events[-1], again[-1]) if isinstance(event, Finished)] == ["load", "load"]
    assert scheduler.loaded()[0].keep_alive == 60


async def test_idle_model_is_unloaded_after_its_time(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await read(scheduler.submit(request(model, None, keep_alive=0.01)))
    await until(lambda: runners.last.is_closed)

    assert scheduler.loaded() == []


async def test_keep_alive_of_zero_unloads_after_the_answer_only(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    stream = scheduler.submit(request(model, "r", keep_alive=0))
    await until(lambda: runners.started and runners.last.open)
    assert not runners.last.is_closed
    runners.last.finish("r")
    await read(stream)
    await until(lambda: runners.last.is_closed)

    assert scheduler.loaded() == []


async def test_request_that_comes_while_the_model_is_unloaded_keeps_it_again(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await read(scheduler.submit(request(model, None)))
    scheduler.unload(model)
    assert scheduler.loaded() == []
    await read(scheduler.submit(request(model, None)))

    (again,) = scheduler.loaded()
    assert again.keep_alive == 300
    assert not runners.last.is_closed


async def test_tokenization_needs_no_slot_and_counts_as_no_answer(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    first, waiting = (scheduler.submit(request(model, name)) for name in ("r1", "r2"))
    await until(lambda: runners.started and runners.last.open)
    work = Tokenize(request_id="t", prompt=TextPrompt(text="x"))
    stream = scheduler.submit(replace(request(model, None), submit=work))
    await until(lambda: "t" in runners.last.open)
    assert "r2" not in runners.last.open
    runners.last.open["t"].put_nowait(Tokens(request_id="t", tokens=[1, 2], size=2, pieces=[b"a", b"b"]))
    finished = (await read(stream))[-1]

    assert isinstance(finished, Finished)
    assert (finished.tokens, finished.pieces, finished.stats.num_prompt_tokens) == ([1, 2], [b"a", b"b"], 2)
    assert scheduler.metrics.of("a:latest").outcomes == {}
    assert "r2" not in runners.last.open
    runners.last.finish("r1")
    await until(lambda: "r2" in runners.last.open)
    runners.last.finish("r2")
    assert [isinstance((await read(stream))[-1], Finished) for stream in (first, waiting)] == [True, True]


async def test_model_kept_for_ever_has_no_timer(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler = make_scheduler(keep_alive=math.inf)
    await read(scheduler.submit(request(installed("a"), None)))

    assert scheduler.loaded()[0].expires_at == math.inf
    assert scheduler.loaded()[0].timer is None


async def test_unload_waits_for_the_answer(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")
    scheduler.unload(model)
    stream = scheduler.submit(request(model, "r"))
    await until(lambda: runners.started and runners.last.open)
    scheduler.unload(model)
    assert not runners.last.is_closed
    runners.last.finish("r")

    assert isinstance((await read(stream))[-1], Finished)
    await until(lambda: runners.last.is_closed)


async def test_idle_model_least_recently_used_makes_room(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler = make_scheduler(max_loaded_models=2)
    models = [installed(name) for name in "abc"]
    for model in (models[0], models[1], models[0]):
        await read(scheduler.submit(request(model, None)))
    await read(scheduler.submit(request(models[2], None)))

    assert {loaded.model.name.model for loaded in scheduler.loaded()} == {"a", "c"}
    assert [runner.is_closed for runner in runners.started] == [False, True, False]


async def test_busy_model_finishes_its_answers_before_it_makes_room(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, busy, wanted = make_scheduler(max_loaded_models=1, num_parallel=1), installed("a"), installed("b")
    first = scheduler.submit(request(busy, "a1"))
    await until(lambda: runners.started and runners.last.open)
    second, other = scheduler.submit(request(busy, "a2")), scheduler.submit(request(wanted, "b1"))
    assert not runners.last.is_closed
    runners.last.finish("a1")
    # b has its turn before a is loaded again for the one who waits.
    await until(lambda: len(runners.started) == 2 and runners.last.open)
    assert list(runners.last.open) == ["b1"]
    runners.last.finish("b1")
    await until(lambda: len(runners.started) == 3 and runners.last.open)
    runners.last.finish("a2")

    for stream in (first, second, other):
        assert isinstance((await read(stream))[-1], Finished)
    assert [runner.is_closed for runner in runners.started] == [True, True, False]


async def test_model_is_pardoned_when_nobody_wants_its_place_any_more(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, busy = make_scheduler(max_loaded_models=1, num_parallel=1), installed("a")
    scheduler.submit(request(busy, "a1"))
    await until(lambda: runners.started and runners.last.open)
    waiting = scheduler.submit(request(busy, "a2"))
    scheduler.submit(request(installed("b"), "b1")).cancel()
    runners.last.finish("a1")
    await until(lambda: "a2" in runners.last.open)
    runners.last.finish("a2")

    assert isinstance((await read(waiting))[-1], Finished)
    assert runners.num_starts == 1


async def test_smaller_context_is_served_by_what_is_loaded(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await read(scheduler.submit(request(model, None, num_ctx=2000)))
    await read(scheduler.submit(request(model, None, num_ctx=100)))

    assert [runner.config.num_ctx for runner in runners.started] == [2000]


async def test_larger_context_reloads_when_idle_and_nobody_overtakes(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    small = scheduler.submit(request(model, "small", num_ctx=1000))
    await until(lambda: runners.started and runners.last.open)
    large = scheduler.submit(request(model, "large", num_ctx=4000))
    later = scheduler.submit(request(model, "later", num_ctx=1000))
    assert list(runners.last.open) == ["small"]
    runners.last.finish("small")
    await until(lambda: len(runners.started) == 2 and len(runners.last.open) == 2)
    for request_id in ("large", "later"):
        runners.last.finish(request_id)

    for stream in (small, large, later):
        assert isinstance((await read(stream))[-1], Finished)
    assert [runner.config.num_ctx for runner in runners.started] == [1000, 4000]


async def test_shutting_down_ends_everything_and_refuses_more(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model, other = make_scheduler(num_parallel=1), installed("a"), installed("b")
    running, waiting = scheduler.submit(request(model, "r1")), scheduler.submit(request(model, "r2"))
    await until(lambda: runners.started and runners.last.open)
    runners.gate.clear()
    loading = scheduler.submit(request(other, "r3"))
    await until(lambda: runners.num_starts == 2)
    await asyncio.wait_for(scheduler.close(), 5)

    for stream in (running, waiting, loading):
        with pytest.raises(RuntimeShuttingDown):
            await read(stream)
    with pytest.raises(RuntimeShuttingDown):
        scheduler.submit(request(model, "r4"))
    assert runners.last.is_closed
