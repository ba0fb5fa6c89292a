"""One model that is loaded, being loaded or waited for: its runner, the requests it answers and those that wait."""

import asyncio
import enum
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from inference.library.models import InstalledModel
from inference.library.shape import ModelShape
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    Embeddings,
    OutputDelta,
    PromptProgress,
    PromptRendered,
    RequestFinished,
    RequestStats,
    RunnerReady,
    Submission,
    Tokenize,
    Tokens,
)
from inference.scheduler.load_options import AUTOMATIC, LoadOptions
from inference.scheduler.pace import Pace
from inference.scheduler.placement import Plan
from inference.scheduler.queue import FairQueue
from inference.scheduler.stream import Loading, Queued, RequestStream

#: What somebody has asked for of how a model is loaded stays for a while after the last request for it: for so long, or for so
#: many times what loading takes, if that is longer. Where those who ask and those who do not take turns, loading takes a tenth of
#: the time at most.
OPTIONS_STAY_S = 60.0
_OPTIONS_STAY_LOADS = 20


class Runner(Protocol):
    """What the scheduler uses of `inference.runner.client.RunnerClient`."""

    ready: RunnerReady
    exited: asyncio.Event

    @property
    def pid(self) -> int: ...

    def submit(
        self,
        submit: Submission,
        *,
        on_output: Callable[[OutputDelta], None] | None = None,
        on_aborted: Callable[[RequestStats | None], None] | None = None,
    ) -> AsyncIterator[PromptProgress | PromptRendered | OutputDelta | RequestFinished | Embeddings | Tokens]: ...

    async def ping(self, timeout: float = 10.0) -> object: ...  # noqa: ASYNC109

    async def forget(self, scope: str) -> None: ...

    async def kill(self, reason: str) -> None: ...

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
    submit: Submission | None
    #: As the client has it, also where that is more than can be; 0 where it left it to us.
    num_ctx_asked: int = 0
    #: Seconds to keep the model after this request; None leaves it as it is.
    keep_alive: float | None = None
    client: str = ""
    is_background: bool = False
    #: What the model's memory follows from; without it nothing is estimated and nothing refused.
    shape: ModelShape | None = None
    load_options: LoadOptions = AUTOMATIC

    @property
    def takes_slot(self) -> bool:
        """Whether something is computed for it."""
        return self.submit is not None and not isinstance(self.submit, Tokenize)


@dataclass(eq=False, kw_only=True)
class Ticket:
    """A request inside the scheduler."""

    request: ModelRequest
    stream: RequestStream
    arrived_ns: int = field(default_factory=time.monotonic_ns)
    #: When it got its slot.
    started_ns: int = 0
    #: From now on it is the runner who says what was computed.
    is_with_runner: bool = False
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
    shape: ModelShape | None = None
    #: How it is loaded; None until then.
    plan: Plan | None = None
    #: The context asked of the runner; it may have got less.
    num_ctx: int = 0
    #: The largest that a request asked for.
    num_ctx_asked: int = 0
    load_options: LoadOptions = AUTOMATIC
    #: When each of them was last asked for, in seconds of the monotonic clock.
    options_asked: dict[str, float] = field(default_factory=dict)
    #: What loading it took.
    load_seconds: float = 0.0
    pace: Pace = field(default_factory=Pace)
    #: Since when there has been no memory for it although nothing is left to unload.
    short_since: float | None = None
    #: Gets no new requests and is unloaded when idle, so that another model can be loaded.
    is_leaving: bool = False
    loaded_fraction: float = 0.0
    ready_ns: int = 0
    last_used: float = field(default_factory=time.monotonic)
    #: Seconds of the monotonic clock.
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
        return self.runner is not None and self.num_busy_slots < self.runner.ready.num_slots

    @property
    def num_busy_slots(self) -> int:
        return sum(ticket.request.takes_slot for ticket in self.running)

    @property
    def pid(self) -> int | None:
        return self.runner.pid if self.runner is not None else None

    @property
    def num_slots(self) -> int:
        return self.runner.ready.num_slots if self.runner is not None else 0

    @property
    def wanted_ctx(self) -> int:
        """What it has to be loaded with for everyone who waits."""
        return max((ticket.request.num_ctx for ticket in self.queue), default=self.num_ctx)

    @property
    def wanted_options(self) -> LoadOptions:
        """What it has to be loaded with for whoever is next. What others asked for not long ago stays where that allows it,
        so that two clients that ask for different things do not undo each other's."""
        head = self.queue.peek()
        return head.request.load_options.over(self.staying_options) if head is not None else self.load_options

    @property
    def staying_options(self) -> LoadOptions:
        """Of what it is loaded with, what somebody still asks for, or did not long ago."""
        if self.load_options == AUTOMATIC:
            return AUTOMATIC
        since = time.monotonic() - max(OPTIONS_STAY_S, _OPTIONS_STAY_LOADS * self.load_seconds)
        names = {name for name, asked in self.options_asked.items() if asked >= since}
        return self.load_options.only(names.union(*(ticket.request.load_options.asked for ticket in self.running)))

    @property
    def num_ctx_got(self) -> int:
        """The context of one slot."""
        return self.runner.ready.num_ctx if self.runner is not None else 0

    @property
    def device_bytes(self) -> int:
        """Of GPU memory: what llama.cpp says it has taken, or what is planned."""
        if self.runner is not None and self.runner.ready.device_bytes is not None:
            return self.runner.ready.device_bytes
        return self.plan.device_bytes if self.plan is not None else 0

    @property
    def size_bytes(self) -> int:
        """Host and GPUs, estimated but for the GPUs' part; where nothing could be, the weights alone. For one that is on GPUs as
        a whole these alone count, as they do in Ollama: its process is small beside it."""
        if self.plan is None or not self.plan.total:
            return self.runner.ready.model_bytes if self.runner is not None else 0
        return self.device_bytes + (0 if self.plan.is_on_gpus and self.device_bytes else self.plan.host_bytes)

    @property
    def expires_at(self) -> float:
        """Seconds of the system clock, however it may be set meanwhile; infinite when the model is kept for ever."""
        idle_seconds = 0.0 if self.idle_since is None else time.monotonic() - self.idle_since
        return time.time() + self.keep_alive - idle_seconds

    def suits(self, request: ModelRequest) -> bool:
        """Whether the request can be served by what is loaded."""
        return request.num_ctx <= self.num_ctx and request.load_options.over(self.staying_options).is_same_as(self.load_options)

    def note_asked(self, request: ModelRequest) -> None:
        """Its options were wanted until now."""
        self.options_asked |= dict.fromkeys(request.load_options.asked, time.monotonic())

    def can_take(self, request: ModelRequest) -> bool:
        """The request needs not wait."""
        is_open = self.is_ready and not self.is_leaving and self.suits(request)
        return is_open and (not request.takes_slot or (self.has_free_slot and not self.queue))

    def stop_timer(self) -> None:
        self.idle_since = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def report_waiting(self) -> None:
        """Tells everyone who waits how far things are."""
        if self.state is ModelState.LOADING:
            for ticket in self.queue:
                ticket.stream.put_status(Loading(self.loaded_fraction))
            return
        for position, ticket in enumerate(self.queue, start=1):
            ticket.stream.put_status(Queued(position, self.pace.wait(position, self.num_slots)))
