"""Random requests, wishes, cancels, crashes and failed loads: each request ends exactly once, and no bound is ever passed."""

import asyncio
import itertools
import math
import random
from collections.abc import Callable

import pytest

from inference.errors import InferenceError, ModelLoadFailed, NotEnoughMemory, QueueFull
from inference.library.models import InstalledModel
from inference.scheduler import Finished, RequestStream, Scheduler, residence
from inference.scheduler.failures import FailureLog
from inference.scheduler.load_options import AUTOMATIC, LoadOptions
from tests.inference.scheduler.conftest import request
from tests.inference.scheduler.fake_machine import GB, FakeMachine
from tests.inference.scheduler.fake_runner import FakeRunner, FakeRunners
from tests.inference.scheduler.test_memory import shape

NUM_STEPS = 300
OPTIONS = [LoadOptions(num_thread=1), LoadOptions(num_batch=64), LoadOptions(rope_frequency_scale=0.5)]
NUM_SLOTS = 2
MAX_LOADED = 2


class Visitors:
    """Those who ask, read and go away, and the accidents."""

    def __init__(
        self, scheduler: Scheduler, runners: FakeRunners, machine: FakeMachine, models: list[InstalledModel], seed: int
    ) -> None:
        self._scheduler = scheduler
        self._machine = machine
        self._runners = runners
        self._models = models
        self._random = random.Random(seed)
        self._streams: dict[str, RequestStream] = {}
        self.readers: list[asyncio.Task[None]] = []
        self.ends: dict[str, list[str]] = {}

    def act(self) -> None:
        actions = [self._ask] * 50 + [self._go_away] * 10 + [self._crash] * 3 + [self._fail_next_load] * 3 + [self.answer] * 34
        actions += [self._start_other_program, self._unload, self._unload, self._pass_minutes, self._forget]
        self._random.choice(actions)()

    async def pause(self) -> None:
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)

    def _ask(self) -> None:
        request_id = f"r{len(self._streams)}"
        wanted = request(
            self._random.choice(self._models),
            request_id if self._random.random() < 0.95 else None,
            keep_alive=self._random.choice([None, None, None, None, 0.0, 0.001, math.inf]),
            load_options=self._random.choice([AUTOMATIC] * 8 + OPTIONS),
            num_ctx=self._random.choice([100, 200]),
            client=str(self._random.randrange(3)),
            is_background=self._random.random() < 0.2,
            shape=shape(self._random.choice([GB, 2 * GB])),
        )
        try:
            stream = self._streams[request_id] = self._scheduler.submit(wanted)
        except (QueueFull, ModelLoadFailed, NotEnoughMemory):
            return
        self.ends[request_id] = []
        self.readers.append(asyncio.create_task(self._read(request_id, stream)))

    async def _read(self, request_id: str, stream: RequestStream) -> None:
        try:
            async for event in stream:
                if isinstance(event, Finished):
                    self.ends[request_id].append("finished")
        except InferenceError:
            self.ends[request_id].append("failed")

    def _unload(self) -> None:
        self._scheduler.unload(self._random.choice(self._models))

    def _pass_minutes(self) -> None:
        """Since options were asked for."""
        for model in self._scheduler.loaded():
            model.options_asked = {name: asked - 120 for name, asked in model.options_asked.items()}

    def _forget(self) -> None:
        self.readers.append(asyncio.create_task(self._scheduler.forget("user:1")))

    def _go_away(self) -> None:
        present = [request_id for request_id, stream in self._streams.items() if not stream.is_ended]
        if present:
            request_id = self._random.choice(present)
            self.ends[request_id].append("went away")
            self._streams[request_id].cancel()

    def _alive(self) -> list[FakeRunner]:
        return [runner for runner in self._runners.started if not runner.exited.is_set()]

    def _crash(self) -> None:
        if self._alive():
            self._random.choice(self._alive()).crash()

    def _fail_next_load(self) -> None:
        self._runners.failures.append(ModelLoadFailed("The file is no model."))

    def _start_other_program(self) -> None:
        """It takes memory, or gives it back."""
        self._machine.foreign = self._random.choice([0, GB, 2 * GB])

    def answer(self) -> None:
        busy = [runner for runner in self._alive() if runner.open]
        if busy:
            runner = self._random.choice(busy)
            runner.finish(self._random.choice(list(runner.open)))


@pytest.mark.parametrize("total", [100 * GB, 5 * GB])
@pytest.mark.parametrize("seed", range(8))
async def test_every_request_ends_exactly_once_whatever_happens(
    make_scheduler: Callable[..., Scheduler],
    runners: FakeRunners,
    installed: Callable[[str], InstalledModel],
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    total: int,
) -> None:
    monkeypatch.setattr(residence, "_MEMORY_RETURNS_S", 0.02)
    monkeypatch.setattr(residence, "_MEMORY_POLL_S", 0.001)
    machine = FakeMachine(runners, total=total, bytes_each=2 * GB)
    # A clock that runs fast, so that back-offs come and go.
    ticks = itertools.count(step=5)
    failures = FailureLog(lambda: float(next(ticks)))
    scheduler = make_scheduler(
        failures=failures, machine=machine, max_queue=20, num_parallel=NUM_SLOTS, max_loaded_models=MAX_LOADED
    )
    visitors = Visitors(scheduler, runners, machine, [installed(name) for name in "abc"], seed)
    for _ in range(NUM_STEPS):
        visitors.act()
        await visitors.pause()
        assert all(runner.most_open <= NUM_SLOTS for runner in runners.started)
        assert sum(not runner.exited.is_set() for runner in runners.started) <= MAX_LOADED
        assert scheduler.num_waiting <= 20
    # Whoever still waits is served or told why not, once nobody disturbs.
    machine.foreign = 0
    runners.failures.clear()
    async with asyncio.timeout(5):
        while not all(reader.done() for reader in visitors.readers):
            visitors.answer()
            await asyncio.sleep(0.001)
    await scheduler.close()
    await asyncio.wait_for(asyncio.gather(*visitors.readers), 5)

    assert {request_id: ends for request_id, ends in visitors.ends.items() if len(ends) != 1} == {}
    assert len({ends[0] for ends in visitors.ends.values()}) == 3
    assert len(visitors.ends) > 80
