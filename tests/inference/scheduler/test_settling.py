"""Whatever way a request ends, what was computed for it is known once, and not before the runner knows."""

import asyncio
from collections.abc import Callable

import pytest

from inference.errors import RunnerCrashed
from inference.library.models import InstalledModel
from inference.runner.messages import RequestStats
from inference.scheduler import RequestStream, Scheduler
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_runner import FakeRunners, until

Make = Callable[..., Scheduler]
Install = Callable[[str], InstalledModel]
NOTHING = RequestStats()


def settled(stream: RequestStream) -> list[RequestStats]:
    told: list[RequestStats] = []
    stream.when_settled(told.append)
    return told


async def test_answer_settles_with_its_end(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    stream = make_scheduler().submit(request(installed("a"), "r"))
    told = settled(stream)
    await until(lambda: runners.started and runners.last.open)
    assert told == []

    runners.last.finish("r")
    await until(lambda: stream.is_ended)

    assert told == [RequestStats(num_completion_tokens=1)]
    assert settled(stream) == told


async def test_aborted_answer_settles_when_the_runner_has_come_to_it(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler = make_scheduler()
    stream = scheduler.submit(request(installed("a"), "r"))
    told = settled(stream)
    await until(lambda: runners.started and runners.last.open)
    runners.last.say("r", "x")

    stream.cancel()
    await until(lambda: runners.last.aborted)
    assert told == []
    spent = RequestStats(num_prompt_tokens=7, num_cached_tokens=3, num_completion_tokens=2)
    runners.last.end_aborted("r", spent)

    assert told == [spent]
    (metrics,) = scheduler.metrics.models.values()
    assert (metrics.outcomes["abort"], metrics.generated_tokens, metrics.computed_tokens) == (1, 2, 4)


async def test_aborted_answer_of_a_runner_that_ends_settles_with_what_came(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    stream = make_scheduler().submit(request(installed("a"), "r"))
    told = settled(stream)
    await until(lambda: runners.started and runners.last.open)
    runners.last.say("r", "x")
    await until(lambda: stream._num_put_tokens)

    stream.cancel()
    await until(lambda: runners.last.aborted)
    runners.last.end_aborted("r", None)

    assert told == [RequestStats(num_completion_tokens=1)]


async def test_failed_answer_settles_with_what_came(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    stream = make_scheduler().submit(request(installed("a"), "r"))
    told = settled(stream)
    await until(lambda: runners.started and runners.last.open)
    runners.last.say("r", "x")
    runners.last.crash()

    with pytest.raises(RunnerCrashed):
        async for _ in stream:
            pass

    assert told == [RequestStats(num_completion_tokens=1)]


async def test_request_that_is_given_up_before_it_was_begun_took_nothing(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    runners.gate.clear()
    loading = scheduler.submit(request(model, "loading"))
    queued = scheduler.submit(request(model, "queued"))
    told = settled(loading), settled(queued)

    queued.cancel()
    assert told == ([], [NOTHING])
    loading.cancel()
    assert told == ([NOTHING], [NOTHING])
    runners.gate.set()


async def test_request_that_is_given_up_in_the_moment_it_is_begun_took_nothing(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    """Its task has been made and never runs."""
    scheduler, model = make_scheduler(), installed("a")
    first = scheduler.submit(request(model, "first"))
    await until(lambda: runners.started and runners.last.open)

    stream = scheduler.submit(request(model, "second"))
    told = settled(stream)
    stream.cancel()
    await until(lambda: told)

    assert told == [NOTHING] and "second" not in runners.last.seen
    first.cancel()


async def test_every_request_of_a_scheduler_that_closes_settles(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    streams = [scheduler.submit(request(model, str(number))) for number in range(3)]
    told = [settled(stream) for stream in streams]
    await until(lambda: runners.started and runners.last.open)

    await scheduler.close()
    await asyncio.sleep(0)

    assert told == [[NOTHING]] * 3
