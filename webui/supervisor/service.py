"""A process that is kept running: readiness, restarts with back-off, an eye on hangs, and no loop over a failing start."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from webui.supervisor.backoff import Backoff
from webui.supervisor.child import Child
from webui.supervisor.output import write_line
from webui.supervisor.probe import Endpoint, is_answering

CANNOT_START = 3
"""Exit code by which a process says that starting it again would end the same way."""


class ServiceCannotStart(Exception):
    """A process without which there is no site did not start; the text is the cause."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A process is taken for hung after `unanswered` probes in a row, counted so that a sleeping laptop is none."""

    probe_interval: float = 5.0
    probe_timeout: float = 10.0
    unanswered: int = 3
    start_poll: float = 0.05
    start_notice: float = 60.0
    slow_retry: float = 60.0


class Service:
    """Runs one command for ever. Subclasses say what its states mean by overriding the `on_…` methods."""

    name = ""
    title = ""

    def __init__(
        self,
        command: Sequence[str],
        endpoint: Endpoint,
        env: Mapping[str, str],
        *,
        pass_fds: Sequence[int] = (),
        timing: Timing | None = None,
    ) -> None:
        self.command = command
        self.endpoint = endpoint
        self.env = env
        self.pass_fds = pass_fds
        self.timing = timing or Timing()
        self.settled = asyncio.Event()
        """Set once the process has become ready or has failed to start, for the first time."""
        self.failure = ""
        self.child: Child | None = None
        self._backoff = Backoff()
        self._retry = asyncio.Event()

    def retry_now(self) -> None:
        """Do not wait any longer before the next start (SIGHUP)."""
        self._retry.set()

    async def run(self) -> None:
        """Keep the process running until cancelled; then stop it. Raises what `on_failed` raises."""
        while True:
            self.on_starting()
            delay = await self._run_once()
            await self._pause(delay)

    async def _run_once(self) -> float:
        try:
            self.child = child = Child.start(self.name, self.command, self.env, self.pass_fds)
        except OSError as error:
            return self._failed(f"{self.command[0]}: {error.strerror}.")
        watch = asyncio.create_task(self._watch(child))
        try:
            code = await child.wait()
        finally:
            watch.cancel()
            await child.stop()
        return self._ended(child, code)

    def _ended(self, child: Child, code: int) -> float:
        delay = self._backoff.ended(ready_for=child.ready_for)
        never_ready = child.ready_at is None
        if never_ready and (self._backoff.cannot_start or code == CANNOT_START or child.output.is_configuration_error):
            return self._failed(child.output.cause() or f"The process {described_exit(code)} without a word.")
        write_line("hearth", f"The {self.title} {described_exit(code)}; starting it again in {delay:g} s.")
        self.on_restarting(child.output.cause() if never_ready else "")
        return delay

    def _failed(self, cause: str) -> float:
        self.failure = cause
        self.on_failed(cause)
        self.settled.set()
        return self.timing.slow_retry

    async def _pause(self, delay: float) -> None:
        self._retry.clear()
        try:
            async with asyncio.timeout(delay):
                await self._retry.wait()
        except TimeoutError:
            return

    async def _watch(self, child: Child) -> None:
        await self._await_ready(child)
        unanswered = 0
        while unanswered < self.timing.unanswered:
            await asyncio.sleep(self.timing.probe_interval)
            unanswered = 0 if await is_answering(self.endpoint, timeout=self.timing.probe_timeout) else unanswered + 1
        write_line("hearth", f"ERROR: The {self.title} no longer answers; it is ended and started again.")
        await child.kill_hung()

    async def _await_ready(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        notice = loop.time() + self.timing.start_notice
        while not await is_answering(self.endpoint, timeout=self.timing.start_notice):
            if loop.time() >= notice:
                write_line("hearth", f"WARNING: The {self.title} is still starting.")
                notice = loop.time() + self.timing.start_notice
            await asyncio.sleep(self.timing.start_poll)
        child.ready_at = loop.time()
        self.failure = ""
        self._backoff.failed_starts = 0
        self.on_ready()
        self.settled.set()

    def on_starting(self) -> None:
        """A start is about to be made."""

    def on_ready(self) -> None:
        """The process answered for the first time."""

    def on_restarting(self, cause: str) -> None:
        """The process ended and is going to be started again soon; `cause` is empty when it had been ready."""

    def on_failed(self, cause: str) -> None:
        """The process cannot start; it is tried again only slowly."""


def described_exit(code: int) -> str:
    """What became of a process, after its title: "was ended by SIGKILL", "ended with exit code 1"."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
