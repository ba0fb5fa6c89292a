"""One model that is loaded, being loaded or waited for: its runner, the requests it answers and those that wait."""

import asyncio
import enum
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from inference.library.models import InstalledModel
from inference.runner.messages import OutputDelta, PromptProgress, RequestFinished, RunnerConfig, RunnerReady, Submit
from inference.scheduler.queue import FairQueue
from inference.scheduler.stream import Loading, Queued, RequestStream


class Runner(Protocol):
    """What the scheduler uses of `inference.runner.client.RunnerClient`."""

    ready: RunnerReady
    exited: asyncio.Event

    def submit(self, submit: Submit) -> AsyncIterator[PromptProgress | OutputDelta | RequestFinished]: ...

    async def close(self, timeout: float = 5.0) -> None: ...  # noqa: ASYNC109


class StartRunner(Protocol):
    def __call__(
        self, config: RunnerConfig, *, on_progress: Callable[[float], None] | None = None, timeout: float = 300.0
    ) -> Awaitable[Runner]: ...


class ModelState(enum.Enum):
    ABSENT = "absent"
    LOADING = "loading"
    READY = "ready"
    CLOSING = "closing"


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """What the edge asks of a model. Without `submit`, only loading is asked for."""

    model: InstalledModel
    #: Tokens of context this request needs, not more than the model was trained for.
    num_ctx: int
    submit: Submit | None
    #: Seconds to keep the model after this request; None leaves it as it is.
    keep_alive: float | None = None
    client: str = ""
    is_background: bool = False


@dataclass(eq=False, kw_only=True)
class Ticket:
    """A request inside the scheduler."""

    request: ModelRequest
    stream: RequestStream
    arrived_ns: int = field(default_factory=time.monotonic_ns)
    task: asyncio.Task[None] | None = None


@dataclass(eq=False, kw_only=True)
class LoadedModel:
    """Mutable, owned by the scheduler; others read `is_ready`, `model`, `runner`, `expires_at`."""

    key: str
    model: InstalledModel
    keep_alive: float
    state: ModelState = ModelState.ABSENT
    runner: Runner | None = None
    queue: FairQueue[Ticket] = field(default_factory=FairQueue)
    running: set[Ticket] = field(default_factory=set)
    #: The context asked of the runner; it may have got less.
    num_ctx: int = 0
    #: Gets no new requests and is unloaded when idle, so that another model can be loaded.
    is_leaving: bool = False
    loaded_fraction: float = 0.0
    ready_ns: int = 0
    last_used: float = field(default_factory=time.monotonic)
    idle_since: float | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        return self.state is ModelState.READY

    @property
    def is_idle(self) -> bool:
        return not self.running and not self.queue

    @property
    def has_free_slot(self) -> bool:
        return self.runner is not None and len(self.running) < self.runner.ready.num_slots

    @property
    def expires_at(self) -> float:
        """Seconds of the system clock; infinite when the model is kept for ever."""
        return (time.time() if self.idle_since is None else self.idle_since) + self.keep_alive

    def can_take(self, request: ModelRequest) -> bool:
        """The request needs not wait."""
        is_open = self.is_ready and not self.is_leaving and request.num_ctx <= self.num_ctx
        return is_open and (request.submit is None or (self.has_free_slot and not self.queue))

    def stop_timer(self) -> None:
        self.idle_since = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def report_waiting(self) -> None:
        """Tells everyone who waits how far things are."""
        for index, ticket in enumerate(self.queue):
            is_loading = self.state is ModelState.LOADING
            ticket.stream.put_status(Loading(self.loaded_fraction) if is_loading else Queued(index + 1))
