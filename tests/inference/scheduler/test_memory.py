"""What the scheduler does when memory is short."""

import asyncio
import time
from collections.abc import Callable

import pytest

from inference.errors import ModelTooLarge, NotEnoughMemory
from inference.library.models import InstalledModel
from inference.library.shape import ModelShape
from inference.scheduler import Finished, ModelRequest, RequestStream, Scheduler, StreamEvent, residence
from inference.scheduler.machine import Device
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_machine import GB, FakeMachine
from tests.inference.scheduler.fake_runner import FakeRunners, until

Make = Callable[..., Scheduler]
Install = Callable[[str], InstalledModel]


def shape(weight_bytes: int, kv_elements: int = 0) -> ModelShape:
    return ModelShape(
        weight_bytes=weight_bytes,
        num_layers=10,
        num_embd=0,
        num_ff=0,
        num_heads=1,
        num_vocab=0,
        kv_elements=kv_elements,
        state_elements=0,
    )


async def read(stream: RequestStream) -> list[StreamEvent]:
    async with asyncio.timeout(5):
        return [event async for event in stream]


async def load(scheduler: Scheduler, wanted: ModelRequest) -> None:
    assert isinstance((await read(scheduler.submit(wanted)))[-1], Finished)


def of(model: InstalledModel, size: int, request_id: str | None = None, **changes: object) -> ModelRequest:
    return request(model, request_id, shape=shape(size), **changes)


async def test_model_larger_than_the_machine_is_refused_with_both_figures_and_nothing_is_unloaded(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=3 * GB)
    scheduler = make_scheduler(machine=machine)
    await load(scheduler, of(installed("a"), 3 * GB))

    with pytest.raises(ModelTooLarge, match=r"b:latest needs 12\.1 GB .* context of 1000 tokens, and 8\.0 GB are free"):
        scheduler.submit(of(installed("b"), 12 * GB))
    assert not runners.last.is_closed
    assert runners.num_starts == 1
    assert [loaded.model.name.model for loaded in scheduler.loaded()] == ["a"]


async def test_memory_others_hold_is_another_error_than_a_machine_too_small(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=0)
    machine.foreign = 5 * GB

    with pytest.raises(NotEnoughMemory, match=r"needs 4\.1 GB .* 3\.0 GB are free"):
        make_scheduler(machine=machine).submit(of(installed("a"), 4 * GB))
    assert runners.num_starts == 0


async def test_idle_model_leaves_for_one_that_does_not_fit_beside_it(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=int(2.5 * GB))
    scheduler = make_scheduler(machine=machine, max_loaded_models=9)
    models = [installed(name) for name in "abc"]
    for model in models:
        await load(scheduler, of(model, int(2.4 * GB)))
    # The oldest is asked for again: the next oldest leaves.
    await load(scheduler, of(models[0], int(2.4 * GB)))
    await load(scheduler, of(installed("d"), int(2.4 * GB)))

    assert {loaded.model.name.model for loaded in scheduler.loaded()} == {"a", "c", "d"}
    assert [runner.is_closed for runner in runners.started] == [False, True, False, False]
    assert scheduler.metrics.of("b:latest").unloads == {"room": 1}


async def test_as_many_models_leave_as_are_needed_and_no_more(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=2 * GB)
    scheduler = make_scheduler(machine=machine, max_loaded_models=9)
    for name in "abc":
        await load(scheduler, of(installed(name), int(1.9 * GB)))
    await load(scheduler, of(installed("d"), 5 * GB))

    assert [runner.is_closed for runner in runners.started] == [True, True, False, False]


async def test_busy_model_finishes_before_its_memory_is_taken(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=5 * GB)
    scheduler = make_scheduler(machine=machine, num_parallel=1)
    busy = scheduler.submit(of(installed("a"), int(4.5 * GB), "a1"))
    await until(lambda: runners.started and runners.last.open)
    waiting = scheduler.submit(of(installed("b"), int(4.5 * GB), "b1"))
    assert not runners.last.is_closed
    runners.last.finish("a1")
    await until(lambda: len(runners.started) == 2 and runners.last.open)
    runners.last.finish("b1")

    for stream in (busy, waiting):
        assert isinstance((await read(stream))[-1], Finished)


async def test_context_that_cannot_fit_becomes_the_largest_that_does_and_its_answer_says_so(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=2 * GB)
    scheduler, model = make_scheduler(machine=machine, num_parallel=1), installed("a")
    large = shape(GB, kv_elements=100_000)
    for num_ctx in (4096, 65_536, 65_536, 2048):
        await load(scheduler, request(model, None, shape=large, num_ctx=num_ctx))

    # 200 kB for each token: 24,576 of them and the weights take 6 of 8 GB.
    assert [runner.config.num_ctx for runner in runners.started] == [4096, 24_576]
    stream = scheduler.submit(request(model, "r", shape=large, num_ctx=65_536))
    await until(lambda: runners.last.open)
    runners.last.finish("r")
    finished = (await read(stream))[-1]
    assert isinstance(finished, Finished)
    assert (finished.num_ctx, finished.num_ctx_asked) == (24_576, 65_536)
    assert scheduler.loaded()[0].num_ctx_asked == 65_536


async def test_context_that_was_made_smaller_follows_free_memory_only_where_it_is_worth_a_load(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=0)
    scheduler, model = make_scheduler(machine=machine, num_parallel=1), installed("a")
    for total in (8, 6, 4, 7.9, 9, 16):
        machine.total = int(total * GB)
        await load(scheduler, request(model, None, shape=shape(GB, kv_elements=100_000), num_ctx=131_072))

    assert [runner.config.num_ctx for runner in runners.started] == [24_576, 49_152]


async def test_model_of_which_not_even_a_small_context_fits_is_refused(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler = make_scheduler(machine=FakeMachine(runners, total=2 * GB, bytes_each=0), num_parallel=1)

    with pytest.raises(ModelTooLarge, match=r"needs 2\.1 GB of memory with a context of 2048 tokens, and 2\.0 GB are free"):
        scheduler.submit(request(installed("a"), None, shape=shape(GB, kv_elements=250_000), num_ctx=65_536))
    assert runners.num_starts == 0


async def test_clients_with_different_contexts_cause_one_reload_and_no_more(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler, model = make_scheduler(machine=FakeMachine(runners, total=8 * GB, bytes_each=0)), installed("a")
    for num_ctx in (2048, 4096) * 10:
        await load(scheduler, of(model, GB, num_ctx=num_ctx))

    assert [runner.config.num_ctx for runner in runners.started] == [2048, 4096]
    assert scheduler.metrics.of("a:latest").unloads == {"context": 1}


async def test_slots_become_fewer_where_memory_is_scarce(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    # 1 GB of weights, and 0.82 GB for each slot.
    wanted = request(installed("a"), None, num_ctx=4096, shape=shape(GB, kv_elements=100_000))
    found = []
    for total in (20, 5, 3, 2):
        scheduler = make_scheduler(machine=FakeMachine(runners, total=total * GB, bytes_each=0), num_parallel=None)
        await load(scheduler, wanted)
        found.append(runners.last.config.num_slots)
        await scheduler.close()

    assert found == [4, 3, 1, 1]


async def test_number_of_slots_that_was_asked_for_is_kept_with_less_context_or_refused(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    scheduler = make_scheduler(machine=FakeMachine(runners, total=4 * GB, bytes_each=0), num_parallel=4)
    await load(scheduler, request(installed("a"), None, num_ctx=4096, shape=shape(GB, kv_elements=100_000)))

    assert (runners.last.config.num_slots, runners.last.config.num_ctx) == (4, 2048)
    with pytest.raises(ModelTooLarge, match=r"needs 4\.4 GB .* context of 2048"):
        scheduler.submit(request(installed("b"), None, num_ctx=4096, shape=shape(GB, kv_elements=200_000)))


async def test_memory_that_comes_back_late_is_waited_for(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=5 * GB)
    scheduler = make_scheduler(machine=machine)
    await load(scheduler, of(installed("a"), 4 * GB))
    stream = scheduler.submit(of(installed("b"), 4 * GB))
    # As a GPU's driver does: the process is gone, its memory is not.
    machine.lingering = 5 * GB
    await until(lambda: runners.started[0].is_closed)
    await asyncio.sleep(0.25)
    assert runners.num_starts == 1
    machine.lingering = 0

    assert isinstance((await read(stream))[-1], Finished)


async def test_memory_is_looked_for_no_more_often_when_much_happens_meanwhile(
    make_scheduler: Make, runners: FakeRunners, installed: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residence, "_MEMORY_POLL_S", 0.02)
    machine = FakeMachine(runners, total=8 * GB, bytes_each=5 * GB)
    scheduler = make_scheduler(machine=machine)
    await load(scheduler, of(installed("a"), 4 * GB))
    streams = [scheduler.submit(of(installed("b"), 4 * GB)) for _ in range(31)]
    machine.lingering = 5 * GB
    await until(lambda: runners.started[0].is_closed)
    for stream in streams[1:]:
        stream.cancel()
    started, num_looks = time.monotonic(), machine.num_looks

    await asyncio.sleep(0.2)
    num_looks = machine.num_looks - num_looks
    num_periods = (time.monotonic() - started) / 0.02
    machine.lingering = 0

    # Each time, what the model would need and what is lacking.
    assert num_looks <= 2 * (num_periods + 1)
    assert isinstance((await read(streams[0]))[-1], Finished)


async def test_memory_that_never_comes_back_is_an_error_for_those_who_wait(
    make_scheduler: Make, runners: FakeRunners, installed: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residence, "_MEMORY_RETURNS_S", 0.2)
    machine = FakeMachine(runners, total=8 * GB, bytes_each=5 * GB)
    scheduler = make_scheduler(machine=machine)
    await load(scheduler, of(installed("a"), 4 * GB))
    stream = scheduler.submit(of(installed("b"), 4 * GB))
    machine.foreign = 7 * GB

    with pytest.raises(NotEnoughMemory, match=r"b:latest needs 4\.1 GB .* 1\.0 GB are free"):
        await read(stream)
    assert scheduler.num_waiting == 0
    machine.foreign = 0
    await load(scheduler, of(installed("b"), 4 * GB))


#: 2.2 GB of weights, and buffers of a GB that are needed wherever layers are computed.
WIDE = ModelShape(
    weight_bytes=2_200_000_000,
    num_layers=10,
    num_embd=0,
    num_ff=0,
    num_heads=1,
    num_vocab=3_000_000,
    kv_elements=0,
    state_elements=0,
)


async def test_memory_that_is_enough_only_in_sum_is_told_at_the_door(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    # 3.4 GB of 4 would do in one place; in two, its buffers are needed twice.
    machine = FakeMachine(runners, total=int(2.1 * GB), bytes_each=0, devices=(Device("gpu", int(1.9 * GB), 2 * GB),))
    scheduler = make_scheduler(machine=machine, num_parallel=1)

    with pytest.raises(ModelTooLarge, match=r"needs 5\.0 GB .* and 4\.0 GB are free"):
        scheduler.submit(request(installed("a"), None, shape=WIDE))
    assert runners.num_starts == 0


async def test_memory_that_is_enough_only_in_sum_makes_others_leave(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=int(3.1 * GB), bytes_each=GB, devices=(Device("gpu", int(1.9 * GB), 2 * GB),))
    scheduler = make_scheduler(machine=machine, num_parallel=1)
    # All of it on the host, where it leaves just enough in sum.
    await load(scheduler, of(installed("a"), GB))
    await load(scheduler, request(installed("b"), None, shape=WIDE))

    assert [runner.is_closed for runner in runners.started] == [True, False]


async def test_model_that_waits_to_be_loaded_has_no_memory_to_give_back(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=4 * GB)
    scheduler = make_scheduler(machine=machine, num_parallel=1, max_loaded_models=1)
    streams = [scheduler.submit(of(installed("a"), 4 * GB, "a1")), scheduler.submit(of(installed("a"), 4 * GB, "a2"))]
    await until(lambda: runners.started and runners.last.open)
    streams.append(scheduler.submit(of(installed("b"), 4 * GB, "b1")))
    runners.last.finish("a1")
    # a has left for b, and waits until b is idle.
    await until(lambda: len(runners.started) == 2 and runners.last.open)

    with pytest.raises(ModelTooLarge, match=r"8\.0 GB are free"):
        scheduler.submit(of(installed("c"), 9 * GB))
    for stream in streams:
        stream.cancel()


async def test_models_being_loaded_have_their_memory_reserved(
    make_scheduler: Make, runners: FakeRunners, installed: Install
) -> None:
    machine = FakeMachine(runners, total=8 * GB, bytes_each=0)
    scheduler = make_scheduler(machine=machine)
    runners.gate.clear()
    first, second = (scheduler.submit(of(installed(name), 5 * GB)) for name in "ab")
    await until(lambda: runners.num_starts)
    assert runners.num_starts == 1
    machine.bytes_each = 5 * GB
    runners.gate.set()

    for stream in (first, second):
        assert isinstance((await read(stream))[-1], Finished)
    assert [runner.is_closed for runner in runners.started] == [True, False]


async def test_unknown_memory_refuses_nothing(make_scheduler: Make, runners: FakeRunners, installed: Install) -> None:
    machine = FakeMachine(runners, total=GB, bytes_each=0)
    machine.memory = lambda: None  # type: ignore[method-assign, assignment, return-value]

    await load(make_scheduler(machine=machine), of(installed("a"), 900 * GB))
