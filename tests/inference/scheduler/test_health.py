"""Runners that do not answer. What a stopped process does to the service is shown in tests/contract/test_runner_faults.py."""

import asyncio

from inference.runner.config import RunnerConfig
from inference.scheduler.health import until_hung
from tests.inference.scheduler.fake_runner import FakeRunner

BOUND_S = 0.02


def runner() -> FakeRunner:
    return FakeRunner(RunnerConfig(model_path="m", socket_path="s"))


async def watch(watched: FakeRunner, *, is_busy: bool = True, cpu_a_question: float | None = 0.0) -> float | None:
    used = 0.0

    def cpu_seconds(pid: int) -> float | None:
        nonlocal used
        used += cpu_a_question or 0.0
        return None if cpu_a_question is None else used

    return await until_hung(watched, is_busy=lambda: is_busy, bound_s=BOUND_S, cpu_seconds=cpu_seconds)


async def test_runner_that_stands_still_is_given_up_after_the_bound() -> None:
    stuck = runner()
    stuck.is_hung = True

    assert await asyncio.wait_for(watch(stuck), 5) == BOUND_S


async def test_runner_that_computes_without_answering_gets_ten_times_as_long() -> None:
    computing = runner()
    computing.is_hung = True

    assert await asyncio.wait_for(watch(computing, cpu_a_question=BOUND_S), 5) == 10 * BOUND_S


async def test_where_nobody_knows_the_processor_time_the_bound_holds() -> None:
    stuck = runner()
    stuck.is_hung = True

    assert await asyncio.wait_for(watch(stuck, cpu_a_question=None), 5) == BOUND_S


async def test_runner_that_ends_is_no_longer_watched() -> None:
    ended = runner()
    watching = asyncio.create_task(watch(ended))
    await asyncio.sleep(3 * BOUND_S)
    assert not watching.done()
    ended.crash()

    assert await asyncio.wait_for(watching, 5) is None


async def test_idle_runner_is_not_asked() -> None:
    idle = runner()
    idle.is_hung = True
    watching = asyncio.create_task(watch(idle, is_busy=False))
    await asyncio.sleep(5 * BOUND_S)
    assert not watching.done()
    idle.crash()

    assert await asyncio.wait_for(watching, 5) is None
