"""A machine whose memory is the test's: each fake runner holds what its model was foretold to need."""

from inference.scheduler.machine import Device, Memory, ProcessMemory
from tests.inference.scheduler.fake_runner import FakeRunner, FakeRunners

GB = 10**9


class FakeMachine:
    def __init__(self, runners: FakeRunners, *, total: int, bytes_each: int, devices: tuple[Device, ...] = ()) -> None:
        self._runners = runners
        self.total = total
        self.bytes_each = bytes_each
        #: Held by programs that are none of ours.
        self.foreign = 0
        #: Held by processes that have ended and whose memory is not back yet.
        self.lingering = 0
        self.cpu_time = 0.0
        self.devices = devices
        self.num_refreshes = 0
        self.num_looks = 0

    def memory(self) -> Memory:
        self.num_looks += 1
        held = sum(self._bytes_of(runner) for runner in self._runners.started if not runner.exited.is_set())
        return Memory(self.total - self.foreign - self.lingering - held, self.total)

    def process_memory(self, pid: int) -> ProcessMemory | None:
        runner = next((runner for runner in self._runners.started if runner.pid == pid), None)
        return ProcessMemory(self._bytes_of(runner), 0) if runner is not None and not runner.exited.is_set() else None

    def cpu_seconds(self, pid: int) -> float:
        return self.cpu_time

    async def refresh_devices(self) -> bool:
        self.num_refreshes += 1
        return bool(self.devices)

    def _bytes_of(self, runner: FakeRunner) -> int:
        return self.bytes_each
