"""Takes requests, and gives each to the runner of its model when it is its turn. `residence` sees to the runners."""

import asyncio
import time
from dataclasses import replace

from inference.errors import QueueFull, RunnerCrashed, RuntimeShuttingDown
from inference.library.models import InstalledModel
from inference.library.shape import ModelShape
from inference.metrics import Metrics
from inference.runner.messages import RequestStats
from inference.scheduler.answering import answer
from inference.scheduler.backlog import Backlog
from inference.scheduler.failures import FailureLog
from inference.scheduler.forgetting import forget_scope
from inference.scheduler.host import HostMachine
from inference.scheduler.loaded import LoadedModel, ModelRequest, StartRunner, Ticket
from inference.scheduler.machine import Machine
from inference.scheduler.residence import Residence
from inference.scheduler.stream import Finished, RequestStream
from inference.settings import Settings

#: Twice this may pass until a runner is killed; the supervisor gives all of us 4 seconds.
_SAVING_TIMEOUT_S = 1.4
#: How many times as large a context has to become.
_WORTH_LOADING = 1.5


class Scheduler:
    """Every request submitted ends exactly once: with `Finished`, with an `InferenceError`, or by its reader's cancel."""

    def __init__(
        self,
        settings: Settings,
        start_runner: StartRunner,
        failures: FailureLog | None = None,
        *,
        machine: Machine | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._machine = machine or HostMachine()
        self.metrics = metrics or Metrics()
        self._residence = Residence(
            settings,
            start_runner,
            failures=failures or FailureLog(),
            machine=self._machine,
            metrics=self.metrics,
            advance=self._advance,
        )
        self._models = self._residence.models
        self._backlog: Backlog[RequestStream] = Backlog()

    async def prepare(self) -> None:
        """Looks what GPUs there are; to be awaited before the first request."""
        await self._residence.look_at_devices()

    def loaded(self) -> list[LoadedModel]:
        """Models that are ready for requests, the one that stays longest first."""
        return sorted((model for model in self._models.values() if model.is_ready), key=lambda model: -model.expires_at)

    def memory_of(self, model: LoadedModel) -> int:
        """Bytes its runner holds now, GPUs included; measured where that is possible."""
        return self._residence.fit.held(model)

    @property
    def machine(self) -> Machine:
        return self._machine

    @property
    def is_busy(self) -> bool:
        """Whether some request is waited for or answered."""
        return any(not model.is_idle for model in self._models.values())

    def memory_needed(self, shape: ModelShape, num_ctx: int) -> int:
        """Bytes, for the least that a model of this shape may be loaded with."""
        return self._residence.fit.needed(shape, num_ctx)

    def gpu_share(self, shape: ModelShape, num_ctx: int) -> float:
        """Of the layers of such a model, the part that could lie on GPUs if every other one were unloaded."""
        return self._residence.fit.gpu_share(shape, num_ctx, self._models.values())

    def memory_available(self) -> int | None:
        """Bytes that a model could have if every other one were unloaded; None where that cannot be told."""
        return None if self._machine.memory() is None else self._residence.fit.reachable(self._models.values())

    @property
    def num_waiting(self) -> int:
        return sum(len(model.queue) for model in self._models.values())

    def submit(self, request: ModelRequest) -> RequestStream:
        """A context that is more than can be had is made smaller. Raises `QueueFull`, `RuntimeShuttingDown`, `ModelTooLarge` or
        `NotEnoughMemory` before anything is unloaded, or `ModelLoadFailed` while a crashing model is left alone."""
        if self._residence.is_closing:
            raise RuntimeShuttingDown("Hearth is shutting down.")
        key = request.model.runtime_key
        model = self._models.get(key)
        if model is None or model.runner is None:
            self._residence.refuse_crash_loop(key, request.model)
        if not (model and model.can_take(request)) and self.num_waiting >= self._settings.max_queue:
            raise QueueFull("server busy, please try again.  maximum pending requests exceeded")
        if model is None or request.num_ctx > model.num_ctx:
            request = self._with_fitting_context(model, request)
        if model is None:
            model = self._residence.add(request.model)
        return self._enqueue(model, request)

    def unload(self, installed: InstalledModel) -> None:
        """Unloads the model as soon as it is idle; does nothing when it is not loaded."""
        model = self._models.get(installed.runtime_key)
        if model is not None:
            model.keep_alive = 0.0
            self._advance(model)

    async def forget(self, scope: str) -> None:
        """Nothing that was computed for this scope, or one below it, is used again; see `forgetting`."""
        await forget_scope(self._models.values(), scope)

    async def close(self) -> None:
        """Ends every request with `RuntimeShuttingDown` and every runner. Later requests are refused."""
        self._residence.is_closing = True
        error = RuntimeShuttingDown("Hearth is shutting down; the answer was cut off.")
        runners = []
        for model in list(self._models.values()):
            model.stop_timer()
            for ticket in (*model.queue.clear(), *model.running):
                ticket.stream.finish(error)
            if model.runner is not None:
                runners.append(model.runner)
        await self._residence.end_work()
        await asyncio.gather(*(runner.close(timeout=_SAVING_TIMEOUT_S) for runner in runners), return_exceptions=True)
        self._models.clear()

    def _with_fitting_context(self, model: LoadedModel | None, request: ModelRequest) -> ModelRequest:
        """What is loaded is made larger only for what was asked for or much more: free memory is never twice the same, and
        each time costs everybody a load."""
        num_ctx = self._residence.fit.largest_context(request, self._models.values())
        loaded = model.num_ctx if model is not None and model.runner is not None else 0
        if num_ctx < request.num_ctx and num_ctx < _WORTH_LOADING * loaded:
            num_ctx = loaded
        return replace(request, num_ctx=num_ctx, num_ctx_asked=max(request.num_ctx_asked, request.num_ctx))

    def _enqueue(self, model: LoadedModel, request: ModelRequest) -> RequestStream:
        ticket: Ticket
        stream = RequestStream(lambda: self._cancel(model, ticket), self._backlog)
        ticket = Ticket(request=request, stream=stream)
        model.model = request.model
        model.shape = request.shape or model.shape
        model.num_ctx_asked = max(model.num_ctx_asked, request.num_ctx_asked)
        model.note_asked(request)
        if request.keep_alive is not None:
            model.keep_alive = request.keep_alive
        model.last_used = time.monotonic()
        model.stop_timer()
        if not request.takes_slot and model.can_take(request):
            self._do_at_once(model, ticket)
        else:
            model.queue.push(ticket, client=request.client, is_background=request.is_background)
        self._advance(model)
        return stream

    def _cancel(self, model: LoadedModel, ticket: Ticket) -> None:
        if ticket.task is not None:
            ticket.task.cancel()
        elif model.queue.remove(ticket):
            ticket.stream.settle(None)
            self._advance(model)

    def _advance(self, model: LoadedModel) -> None:
        """Does whatever can be done for a model now; called after every change to it."""
        if self._residence.is_closing:
            return
        while model.is_ready and not model.is_leaving and (head := model.queue.peek()) is not None:
            if not model.suits(head.request):
                if not model.running:
                    self._residence.close(model, "options" if head.request.num_ctx <= model.num_ctx else "context")
                break
            if not head.request.takes_slot:
                self._do_at_once(model, model.queue.pop())
            elif model.has_free_slot:
                self._run(model, model.queue.pop())
            else:
                break
        self._residence.settle(model)
        model.report_waiting()

    def _do_at_once(self, model: LoadedModel, ticket: Ticket) -> None:
        """What needs the model and none of its slots."""
        if ticket.request.submit is not None:
            self._run(model, ticket)
        else:
            ticket.stream.finish(Finished("load", RequestStats(), max(0, model.ready_ns - ticket.arrived_ns)))

    def _run(self, model: LoadedModel, ticket: Ticket) -> None:
        submit = ticket.request.submit
        assert model.runner is not None and submit is not None
        model.running.add(ticket)
        ticket.started_ns = time.monotonic_ns()
        metrics = self.metrics.of(model.model.name.shortest)
        if ticket.request.takes_slot:
            metrics.queue_seconds.observe((ticket.started_ns - ticket.arrived_ns) / 1e9)
        ticket.task = self._residence.spawn(answer(model, ticket, model.runner, submit, metrics))
        ticket.task.add_done_callback(lambda _: self._release(model, ticket))

    def _release(self, model: LoadedModel, ticket: Ticket) -> None:
        # Here and not in the task itself: a task cancelled before its first step runs none of its code.
        ticket.stream.finish(RunnerCrashed("The model runner ended the answer without a reason."))
        if not ticket.is_with_runner:
            ticket.stream.settle(None)
        model.running.discard(ticket)
        model.note_asked(ticket.request)
        model.last_used = time.monotonic()
        self._advance(model)
