"""What a request says of how the model is loaded."""

import asyncio

import pytest

from inference.scheduler import LoadOptions, Scheduler
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_runner import FakeRunners, until
from tests.inference.scheduler.test_scheduler import Install, Make


async def answered(scheduler: Scheduler, runners: FakeRunners, asked: object) -> None:
    """Waits for a request's runner to have it, and ends it."""
    stream = scheduler.submit(asked)  # type: ignore[arg-type]
    request_id = asked.submit.request_id  # type: ignore[attr-defined]
    await until(lambda: any(request_id in runner.open for runner in runners.started))
    next(runner for runner in runners.started if request_id in runner.open).finish(request_id)
    async for _ in stream:
        pass
    await until(
        lambda: not any(ticket.request.submit is asked.submit for model in scheduler.loaded() for ticket in model.running)
    )


async def test_options_reach_the_runner(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    options = LoadOptions(num_thread=3, num_gpu=7, main_gpu=1, num_batch=64, use_mmap=False, use_mlock=True)

    await answered(make_scheduler(), runners, request(installed("a"), "1", load_options=options))

    config = runners.last.config
    assert (config.num_threads, config.num_gpu_layers, config.main_gpu, config.num_batch) == (3, 7, 1, 64)
    assert (config.use_mmap, config.use_mlock, config.uses_all_gpus) == (False, True, False)


async def test_request_that_says_nothing_takes_what_is_loaded(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")

    await answered(scheduler, runners, request(model, "1", load_options=LoadOptions(num_thread=3)))
    await answered(scheduler, runners, request(model, "2"))
    await answered(scheduler, runners, request(model, "3", load_options=LoadOptions(num_thread=3)))

    assert len(runners.started) == 1


@pytest.mark.parametrize("rope", [{"rope_frequency_base": 1e6}, {"rope_frequency_scale": 0.25}])
async def test_positions_that_one_request_wants_scaled_change_no_answer_of_others(
    make_scheduler: Make, runners: FakeRunners, installed: Install, rope: dict[str, float]
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await answered(scheduler, runners, request(model, "1", load_options=LoadOptions(num_thread=3, **rope)))
    await answered(scheduler, runners, request(model, "2"))
    await answered(scheduler, runners, request(model, "3", load_options=LoadOptions(num_thread=3)))

    configs = [runner.config for runner in runners.started]
    assert [(config.rope_frequency_base, config.rope_frequency_scale) for config in configs] == [
        (rope.get("rope_frequency_base", 0.0), rope.get("rope_frequency_scale", 0.0)),
        (0.0, 0.0),
    ]
    assert [config.num_threads for config in configs] == [3, 3]


async def test_other_options_load_anew_and_keep_what_they_do_not_contradict(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")

    await answered(scheduler, runners, request(model, "1", load_options=LoadOptions(num_thread=3)))
    await answered(scheduler, runners, request(model, "2", load_options=LoadOptions(num_batch=64)))

    assert [(runner.config.num_threads, runner.config.num_batch) for runner in runners.started] == [(3, 512), (3, 64)]
    assert scheduler.metrics.of("a:latest").unloads == {"options": 1}


async def test_loading_anew_waits_for_answers_that_are_being_written(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    first = scheduler.submit(request(model, "1"))
    await until(lambda: runners.started and "1" in runners.last.open)
    second = scheduler.submit(request(model, "2", load_options=LoadOptions(num_thread=1)))
    await asyncio.sleep(0)

    assert len(runners.started) == 1
    runners.last.finish("1")
    assert [type(event).__name__ async for event in first][-1] == "Finished"
    await until(lambda: len(runners.started) == 2 and "2" in runners.last.open)
    runners.last.finish("2")
    assert [type(event).__name__ async for event in second][-1] == "Finished"


def test_options_that_are_asked_go_over_others() -> None:
    asked, before = LoadOptions(num_thread=1), LoadOptions(num_thread=4, use_mmap=False)

    assert asked.over(before) == LoadOptions(num_thread=1, use_mmap=False)
    assert asked.only({"num_thread", "num_batch"}) == asked and asked.only({"use_mmap"}) == LoadOptions()


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (LoadOptions(num_batch=512), LoadOptions(), True),
        (LoadOptions(num_batch=64), LoadOptions(), False),
        (LoadOptions(num_thread=3, num_batch=512), LoadOptions(num_thread=3), True),
        (LoadOptions(num_thread=3), LoadOptions(), False),
    ],
)
def test_options_are_the_same_where_a_model_is_loaded_alike(one: LoadOptions, other: LoadOptions, is_same: bool) -> None:
    assert one.is_same_as(other) == other.is_same_as(one) == is_same


def pass_time(scheduler: Scheduler, seconds: float) -> None:
    """As if what was asked for had been asked for so much earlier."""
    (model,) = scheduler.loaded()
    model.options_asked = {name: asked - seconds for name, asked in model.options_asked.items()}


async def test_options_that_nobody_asks_for_any_more_are_given_up(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await answered(scheduler, runners, request(model, "1", load_options=LoadOptions(num_thread=1, num_batch=64)))
    pass_time(scheduler, 61)
    await answered(scheduler, runners, request(model, "2", load_options=LoadOptions(num_batch=64)))
    await answered(scheduler, runners, request(model, "3"))
    await answered(scheduler, runners, request(model, "4"))

    assert [(runner.config.num_threads, runner.config.num_batch) for runner in runners.started] == [(1, 64), (0, 64)]
    assert scheduler.metrics.of("a:latest").unloads == {"options": 1}


async def test_options_that_change_nothing_are_given_up_without_loading_anew(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await answered(scheduler, runners, request(model, "1", load_options=LoadOptions(num_batch=512)))
    pass_time(scheduler, 10_000)
    await answered(scheduler, runners, request(model, "2"))

    assert len(runners.started) == 1


async def test_two_who_ask_in_turns_cause_one_load(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(), installed("a")

    for number in range(5):
        await answered(scheduler, runners, request(model, f"plain {number}"))
        await answered(scheduler, runners, request(model, f"single {number}", load_options=LoadOptions(num_thread=1)))
        pass_time(scheduler, 40)

    assert [runner.config.num_threads for runner in runners.started] == [0, 1]


async def test_options_of_an_answer_that_is_being_written_stay(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    long = scheduler.submit(request(model, "long", load_options=LoadOptions(num_thread=1)))
    await until(lambda: runners.started and "long" in runners.last.open)
    pass_time(scheduler, 10_000)

    await answered(scheduler, runners, request(model, "1"))
    runners.last.finish("long")
    async for _ in long:
        pass
    await answered(scheduler, runners, request(model, "2"))

    assert len(runners.started) == 1


async def test_options_of_a_model_that_loads_slowly_stay_longer(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(), installed("a")
    await answered(scheduler, runners, request(model, "1", load_options=LoadOptions(num_thread=1)))
    scheduler.loaded()[0].load_seconds = 30.0
    pass_time(scheduler, 500)
    await answered(scheduler, runners, request(model, "2"))
    assert len(runners.started) == 1

    pass_time(scheduler, 101)
    await answered(scheduler, runners, request(model, "3"))

    assert len(runners.started) == 2
