"""What the scheduler does on a machine with GPUs."""

import asyncio
from collections.abc import Callable

import pytest

from inference.errors import LoadLacksMemory, ModelLoadFailed, ModelTooLarge
from inference.library.models import InstalledModel
from inference.scheduler import ModelRequest, Scheduler
from inference.scheduler.load_options import LoadOptions
from inference.scheduler.machine import Device
from inference.scheduler.placement import ALL_LAYERS
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_machine import GB, FakeMachine
from tests.inference.scheduler.fake_runner import FakeRunners, until
from tests.inference.scheduler.test_memory import load, read, shape

Make = Callable[..., Scheduler]
Install = Callable[[str], InstalledModel]
#: With the bytes of each.
Models = list[tuple[InstalledModel, int]]


class GpuMachine(FakeMachine):
    """Each runner with layers on the GPU holds as many bytes of it as its model's file is said to have."""

    def __init__(self, runners: FakeRunners, *, host: int, gpu: int, sizes: dict[str, int]) -> None:
        super().__init__(runners, total=host, bytes_each=0, devices=(Device("gpu", gpu, gpu),))
        self._gpu = gpu
        self._sizes = sizes

    async def refresh_devices(self) -> bool:
        await super().refresh_devices()
        await asyncio.sleep(0)
        there = [runner for runner in self._runners.started if not runner.exited.is_set() and runner.config.num_gpu_layers]
        held = sum(self._sizes[runner.config.model_path] for runner in there)
        self.devices = (Device("gpu", self._gpu - held, self._gpu),)
        return True


@pytest.fixture
def scheduler_of(make_scheduler: Make, runners: FakeRunners) -> Callable[..., Scheduler]:
    def make(host: int, gpu: int, models: Models, **changes: object) -> Scheduler:
        sizes = {str(model.model_path): size for model, size in models}
        machine = GpuMachine(runners, host=host, gpu=gpu, sizes=sizes)
        return make_scheduler(machine=machine, **{"num_parallel": 1, "max_loaded_models": 9, **changes})

    return make


async def load_each(scheduler: Scheduler, models: Models) -> None:
    await scheduler.prepare()
    for model, size in models:
        await load(scheduler, request(model, None, shape=shape(size)))


async def test_models_that_fit_the_gpu_together_stay_there_together(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    models = [(installed("a"), 4 * GB), (installed("b"), 5 * GB)]
    await load_each(scheduler_of(32 * GB, 10 * GB, models), models)

    assert [runner.config.num_gpu_layers for runner in runners.started] == [ALL_LAYERS, ALL_LAYERS]
    assert not any(runner.is_closed for runner in runners.started)


async def test_idle_model_leaves_the_gpu_for_one_that_would_compute_on_the_host_otherwise(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    models = [(installed("a"), 4 * GB), (installed("b"), 4 * GB), (installed("c"), 4 * GB)]
    scheduler = scheduler_of(64 * GB, 10 * GB, models)
    await load_each(scheduler, models)

    assert [runner.config.num_gpu_layers for runner in runners.started] == [ALL_LAYERS] * 3
    assert [runner.is_closed for runner in runners.started] == [True, False, False]
    assert scheduler.metrics.of("a:latest").unloads == {"room": 1}


async def test_model_larger_than_the_gpu_gets_all_of_it(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    models = [(installed("a"), 9 * GB), (installed("b"), 20 * GB)]
    await load_each(scheduler_of(64 * GB, 10 * GB, models), models)

    assert [runner.is_closed for runner in runners.started] == [True, False]
    assert 4 < runners.last.config.num_gpu_layers < 6


async def test_small_model_computes_on_the_host_rather_than_drive_a_large_one_out(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    models = [(installed("large"), int(9.8 * GB)), (installed("small"), GB)]
    await load_each(scheduler_of(64 * GB, 10 * GB, models), models)

    assert [runner.config.num_gpu_layers for runner in runners.started] == [ALL_LAYERS, 0]
    assert not runners.started[0].is_closed


async def test_memory_of_a_gpu_is_not_counted_twice_once_a_model_is_there(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    models = [(installed("a"), 6 * GB)]
    scheduler = scheduler_of(2 * GB, 10 * GB, models)
    await load_each(scheduler, models)

    with pytest.raises(ModelTooLarge, match=r"needs 15\.5 GB .* and 12\.0 GB are free"):
        scheduler.submit(request(installed("b"), None, shape=shape(14 * GB)))
    assert not runners.last.is_closed
    assert scheduler.memory_available() == pytest.approx(12 * GB, rel=0.02)


async def test_figures_of_a_look_are_kept_true_until_the_next(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    models = [(installed("a"), 6 * GB), (installed("b"), 3 * GB)]
    scheduler = scheduler_of(2 * GB, 10 * GB, models)
    await load_each(scheduler, models)

    # a was there when the GPU was looked at for b, and b was not: neither is missed nor counted twice, loaded or not.
    assert scheduler.machine.devices[0].free == 4 * GB
    for name in "ab":
        assert scheduler.memory_available() == pytest.approx(12 * GB, rel=0.02)
        scheduler.unload(installed(name))
        await until(lambda gone=f"{name}:latest": gone not in [model.model.name.shortest for model in scheduler.loaded()])
    await until(lambda: all(runner.is_closed for runner in runners.started))
    assert scheduler.memory_available() == pytest.approx(12 * GB, rel=0.02)


@pytest.mark.parametrize(("num_gpu", "num_gpu_layers"), [(0, 0), (3, 3), (99, ALL_LAYERS)])
async def test_layers_that_were_asked_for_are_what_is_planned_and_told(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install, num_gpu: int, num_gpu_layers: int
) -> None:
    model = installed("a")
    scheduler = scheduler_of(32 * GB, 10 * GB, [(model, 5 * GB)])
    await scheduler.prepare()
    await load(scheduler, request(model, None, shape=shape(5 * GB), load_options=LoadOptions(num_gpu=num_gpu)))

    (loaded,) = scheduler.loaded()
    assert runners.last.config.num_gpu_layers == num_gpu_layers
    assert (loaded.device_bytes > 0) == (num_gpu > 0)
    assert (loaded.size_bytes == loaded.device_bytes) == (num_gpu_layers == ALL_LAYERS)


async def test_more_layers_than_there_is_room_for_are_as_many_as_there_is_room_for(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    model = installed("a")
    scheduler = scheduler_of(32 * GB, 4 * GB, [(model, 8 * GB)])
    await scheduler.prepare()
    await load(scheduler, request(model, None, shape=shape(8 * GB), load_options=LoadOptions(num_gpu=99)))

    assert 3 <= runners.last.config.num_gpu_layers <= 6


async def test_slots_never_cost_a_layer_its_gpu(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    # 1 GB of weights, and 0.82 GB for each slot of 4096 tokens; the host would take any number of them.
    wanted = {"shape": shape(GB, kv_elements=100_000), "num_ctx": 4096}
    found = []
    for gpu in (8, 5, 2.2, 1.2):
        model = installed("a")
        scheduler = scheduler_of(64 * GB, int(gpu * GB), [(model, GB)], num_parallel=None)
        await scheduler.prepare()
        await load(scheduler, request(model, None, **wanted))
        found.append((runners.last.config.num_slots, runners.last.config.num_gpu_layers == ALL_LAYERS))
        await scheduler.close()

    assert found == [(4, True), (3, True), (1, True), (1, False)]


async def test_layers_that_a_gpu_refuses_are_left_to_the_host(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    model = installed("a")
    scheduler = scheduler_of(32 * GB, 10 * GB, [(model, 5 * GB)])
    await scheduler.prepare()
    runners.failures = [LoadLacksMemory("no room."), LoadLacksMemory("no room.")]
    await read(scheduler.submit(_of(model, 5 * GB)))

    assert runners.num_starts == 3
    assert runners.last.config.num_gpu_layers == 0
    assert scheduler.loaded()[0].device_bytes == 0


async def test_memory_that_is_refused_on_the_host_too_is_an_error(
    scheduler_of: Callable[..., Scheduler], runners: FakeRunners, installed: Install
) -> None:
    model = installed("a")
    scheduler = scheduler_of(32 * GB, 10 * GB, [(model, 5 * GB)])
    await scheduler.prepare()
    runners.failures = [LoadLacksMemory("no room.")] * 3

    with pytest.raises(ModelLoadFailed, match="no room"):
        await read(scheduler.submit(_of(model, 5 * GB)))
    assert scheduler.loaded() == []


async def test_gpu_that_was_asked_for_is_the_only_one_used(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    devices = (Device("0", 20 * GB, 20 * GB), Device("1", 8 * GB, 8 * GB))
    scheduler = make_scheduler(machine=FakeMachine(runners, total=32 * GB, bytes_each=0, devices=devices), num_parallel=1)
    for main_gpu, size, layers in ((1, 5, ALL_LAYERS), (1, 15, None), (7, 5, ALL_LAYERS)):
        options = LoadOptions(main_gpu=main_gpu)
        await load(scheduler, request(installed(f"m{size}"), None, shape=shape(size * GB), load_options=options))
        config = runners.last.config
        assert config.main_gpu == (1 if main_gpu == 1 else 0)
        assert not config.uses_all_gpus
        assert layers is None or config.num_gpu_layers == layers


def _of(model: InstalledModel, size: int) -> ModelRequest:
    return request(model, None, shape=shape(size))
