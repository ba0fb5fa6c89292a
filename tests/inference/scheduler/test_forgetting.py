import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from inference.errors import InvalidRequest
from inference.library.models import InstalledModel
from inference.runner.config import RunnerConfig
from inference.scheduler import ModelRequest, Scheduler
from inference.scheduler.forgetting import forget_scope
from inference.scheduler.loaded import LoadedModel, ModelState
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_runner import FakeRunners, until

Make = Callable[..., Scheduler]
Install = Callable[[str], InstalledModel]


def scoped(model: InstalledModel, request_id: str, scope: str) -> ModelRequest:
    plain = request(model, request_id)
    return replace(plain, submit=msgspec.structs.replace(plain.submit, scope=scope))


async def test_forget_tells_every_loaded_model(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler = make_scheduler()
    for name in ("a", "b"):
        scheduler.submit(scoped(installed(name), name, "user:1"))
    await until(lambda: len(runners.started) == 2)

    await scheduler.forget("user:1/conversation:1")

    assert [runner.forgotten for runner in runners.started] == [["user:1/conversation:1"]] * 2


async def test_forget_ends_what_still_waits_for_a_slot(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    scheduler, model = make_scheduler(num_parallel=1), installed("a")
    scheduler.submit(scoped(model, "running", "user:2"))
    await until(lambda: runners.started and runners.last.open)
    deleted = scheduler.submit(scoped(model, "deleted", "user:1/conversation:1"))
    other = scheduler.submit(scoped(model, "other", "user:1/conversation:11"))

    await scheduler.forget("user:1/conversation:1")

    with pytest.raises(InvalidRequest, match="was deleted"):
        async for _event in deleted:
            pass
    assert not other.is_ended and scheduler.num_waiting == 1


async def test_forget_waits_for_a_runner_that_is_being_closed(runners: FakeRunners, installed: Install) -> None:
    runner = await runners.start(RunnerConfig(model_path="m", socket_path="s"))
    model = LoadedModel(key="a", model=installed("a"), keep_alive=0, state=ModelState.CLOSING, runner=runner)

    forgetting = asyncio.create_task(forget_scope([model], "user:1"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not forgetting.done() and runner.forgotten == []
    runner.exited.set()

    await asyncio.wait_for(forgetting, 5)


async def test_forget_waits_until_the_runner_has_done_it(runners: FakeRunners, installed: Install) -> None:
    runner = await runners.start(RunnerConfig(model_path="m", socket_path="s"))
    model = LoadedModel(key="a", model=installed("a"), keep_alive=0, state=ModelState.READY, runner=runner)
    runner.answers_pings.clear()

    forgetting = asyncio.create_task(forget_scope([model], "user:1"))
    await until(lambda: runner.forgotten)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not forgetting.done()
    runner.answers_pings.set()

    await asyncio.wait_for(forgetting, 5)


async def test_forget_tells_the_others_when_a_runner_is_gone(runners: FakeRunners, installed: Install) -> None:
    started = [await runners.start(RunnerConfig(model_path="m", socket_path="s")) for _ in range(2)]
    models = [
        LoadedModel(key=str(number), model=installed("a"), keep_alive=0, state=ModelState.READY, runner=runner)
        for number, runner in enumerate(started)
    ]
    started[0].crash()

    await asyncio.wait_for(forget_scope(models, "user:1"), 5)

    assert started[1].forgotten == ["user:1"]
