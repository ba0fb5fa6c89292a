"""Loads models when they are asked for, gives requests to their runners, unloads what is idle, and survives crashes."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from inference.errors import InferenceError, ModelLoadFailed, QueueFull, RunnerCrashed, RuntimeShuttingDown
from inference.library.models import InstalledModel
from inference.library.shape import ModelShape
from inference.metrics import Metrics
from inference.runner.messages import RequestStats
from inference.scheduler.answering import answer
from inference.scheduler.backlog import Backlog
from inference.scheduler.failures import FailureLog
from inference.scheduler.fit import Fit
from inference.scheduler.forgetting import forget_scope
from inference.scheduler.health import until_hung
from inference.scheduler.host import HostMachine
from inference.scheduler.loaded import LoadedModel, ModelRequest, ModelState, Runner, StartRunner, Ticket
from inference.scheduler.loading import LONGEST_LOAD_S, Loader
from inference.scheduler.machine import Machine
from inference.scheduler.places import Places
from inference.scheduler.stream import Finished, RequestStream
from inference.settings import Settings

_CLOSE_TIMEOUT_S = 5.0
_SHUTDOWN_TIMEOUT_S = 1.0
#: Twice this may pass until a runner is killed; the supervisor gives all of us 4 seconds.
_SAVING_TIMEOUT_S = 1.4
#: How long memory may take to come back after a process has ended (a GPU's does), and how often it is looked for.
_MEMORY_RETURNS_S = 5.0
_MEMORY_POLL_S = 0.1
#: How many times as large a context has to become.
_WORTH_LOADING = 1.5

logger = logging.getLogger(__name__)


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
        self._failures = failures or FailureLog()
        self._machine = machine or HostMachine()
        self.metrics = metrics or Metrics()
        self._fit = Fit(settings, self._machine)
        self._loader = Loader(settings, start_runner, self.metrics)
        self._models: dict[str, LoadedModel] = {}
        self._places = Places(settings.max_loaded_models)
        self._tasks: set[asyncio.Task[None]] = set()
        self._backlog: Backlog[RequestStream] = Backlog()
        self._is_closing = False

    async def prepare(self) -> None:
        """Looks what GPUs there are; to be awaited before the first request."""
        await self._machine.refresh_devices()

    def loaded(self) -> list[LoadedModel]:
        """Models that are ready for requests, the one that stays longest first."""
        return sorted((model for model in self._models.values() if model.is_ready), key=lambda model: -model.expires_at)

    def memory_of(self, model: LoadedModel) -> int:
        """Bytes its runner holds now, GPUs included; measured where that is possible."""
        return self._fit.held(model)

    @property
    def machine(self) -> Machine:
        return self._machine

    @property
    def is_busy(self) -> bool:
        """Whether some request is waited for or answered."""
        return any(not model.is_idle for model in self._models.values())

    def memory_needed(self, shape: ModelShape, num_ctx: int) -> int:
        """Bytes, for the least that a model of this shape may be loaded with."""
        return self._fit.needed(shape, num_ctx)

    def memory_available(self) -> int | None:
        """Bytes that a model could have if every other one were unloaded; None where that cannot be told."""
        return None if self._machine.memory() is None else self._fit.reachable(self._models.values())

    @property
    def num_waiting(self) -> int:
        return sum(len(model.queue) for model in self._models.values())

    def submit(self, request: ModelRequest) -> RequestStream:
        """A context that is more than can be had is made smaller. Raises `QueueFull`, `RuntimeShuttingDown`, `ModelTooLarge` or
        `NotEnoughMemory` before anything is unloaded, or `ModelLoadFailed` while a crashing model is left alone."""
        if self._is_closing:
            raise RuntimeShuttingDown("Hearth is shutting down.")
        key = request.model.runtime_key
        model = self._models.get(key)
        if model is None or model.runner is None:
            self._refuse_crash_loop(key, request.model)
        if not (model and model.can_take(request)) and self.num_waiting >= self._settings.max_queue:
            raise QueueFull("server busy, please try again.  maximum pending requests exceeded")
        if model is None or request.num_ctx > model.num_ctx:
            request = self._with_fitting_context(model, request)
        if model is None:
            model = self._models[key] = LoadedModel(key=key, model=request.model, keep_alive=self._settings.keep_alive)
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
        self._is_closing = True
        error = RuntimeShuttingDown("Hearth is shutting down; the answer was cut off.")
        runners = []
        for model in list(self._models.values()):
            model.stop_timer()
            for ticket in (*model.queue.clear(), *model.running):
                ticket.stream.finish(error)
            if model.runner is not None:
                runners.append(model.runner)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_SHUTDOWN_TIMEOUT_S)
        await asyncio.gather(*(runner.close(timeout=_SAVING_TIMEOUT_S) for runner in runners), return_exceptions=True)
        self._models.clear()

    def _refuse_crash_loop(self, key: str, installed: InstalledModel) -> None:
        refusal = self._failures.refusal(key, installed.name.shortest)
        if refusal is not None:
            raise refusal

    def _with_fitting_context(self, model: LoadedModel | None, request: ModelRequest) -> ModelRequest:
        """What is loaded is made larger only for what was asked for or much more: free memory is never twice the same, and
        each time costs everybody a load."""
        num_ctx = self._fit.largest_context(request, self._models.values())
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
            self._advance(model)

    def _advance(self, model: LoadedModel) -> None:
        """Does whatever can be done for a model now; called after every change to it."""
        if self._is_closing:
            return
        while model.is_ready and not model.is_leaving and (head := model.queue.peek()) is not None:
            if not model.suits(head.request):
                if not model.running:
                    self._close(model, "options" if head.request.num_ctx <= model.num_ctx else "context")
                break
            if not head.request.takes_slot:
                self._do_at_once(model, model.queue.pop())
            elif model.has_free_slot:
                self._run(model, model.queue.pop())
            else:
                break
        self._settle(model)
        model.report_waiting()

    def _settle(self, model: LoadedModel) -> None:
        """Gives a model without a runner a place if somebody waits for it, and a model without work its idle time."""
        if model.state is ModelState.ABSENT:
            if model.queue:
                self._places.want(model)
            else:
                self._places.forget(model)
                if self._models.get(model.key) is model:
                    del self._models[model.key]
            self._fill_places()
        elif model.is_ready and not model.running and model.is_leaving:
            self._close(model, "room")
        elif model.is_ready and model.is_idle and model.keep_alive == 0:
            self._close(model, "asked")
        elif model.is_ready and model.is_idle and model.timer is None and model.idle_since is None:
            model.idle_since = time.time()
            if model.keep_alive <= LONGEST_LOAD_S:
                model.timer = asyncio.get_running_loop().call_later(model.keep_alive, self._expire, model)

    def _expire(self, model: LoadedModel) -> None:
        model.timer = None
        if model.is_ready and model.is_idle:
            logger.info("Unloading %s after %.0f s without use.", model.model.name.shortest, model.keep_alive)
            self._close(model, "idle")

    def _fill_places(self) -> None:
        models = self._models.values()
        while (head := self._places.head) is not None and self._places.has_free(models):
            head.plan = self._fit.plan(head, models)
            if head.plan is None:
                break
            self._start_loading(head)
        shortage = self._fit.shortage(head, models) if head is not None else 0
        for model in self._places.choose_victims(models, shortage=shortage, held=self._fit.held):
            model.is_leaving = True
            self._settle(model)
        for model in self._places.pardoned(models, shortage=shortage, held=self._fit.held):
            model.is_leaving = False
            self._advance(model)
        if shortage and head is not None and all(model.state is ModelState.ABSENT for model in models):
            self._await_memory(head)

    def _start_loading(self, model: LoadedModel) -> None:
        self._places.forget(model)
        model.num_ctx, model.load_options = model.wanted_ctx, model.wanted_options
        model.state = ModelState.LOADING
        model.is_leaving, model.short_since, model.loaded_fraction = False, None, 0.0
        self._spawn(self._load(model))
        model.report_waiting()

    def _await_memory(self, model: LoadedModel) -> None:
        """There was memory for it when its requests came, and nothing of ours is left to unload: what was unloaded may not
        be back yet, or other programs have taken it."""
        now = time.monotonic()
        if model.short_since is None:
            model.short_since = now
        if now - model.short_since < _MEMORY_RETURNS_S:
            asyncio.get_running_loop().call_later(_MEMORY_POLL_S, self._look_again, model)
            return
        model.short_since = None
        head = model.queue.peek()
        if head is not None:
            self._fail_waiting(model, self._fit.error(head.request, self._models.values()))

    def _look_again(self, model: LoadedModel) -> None:
        if not self._is_closing and self._places.head is model:
            self._fill_places()

    async def _load(self, model: LoadedModel) -> None:
        try:
            await self._machine.refresh_devices()
            if self._machine.devices:
                others = [other for other in self._models.values() if other is not model]
                model.plan = self._fit.plan(model, others) or model.plan
            runner = await self._loader.load(model)
        except InferenceError as error:
            self._load_failed(model, error)
        except Exception:
            # Whatever it was, nobody waits for a model that does not come.
            logger.exception("Loading %s failed.", model.model.name.shortest)
            self._load_failed(model, ModelLoadFailed("The model could not be loaded; the log says why."))
        else:
            model.runner, model.state, model.ready_ns = runner, ModelState.READY, time.monotonic_ns()
            self._spawn(self._watch(model, runner))
            self._spawn(self._end_when_hung(model, runner))
            self._advance(model)
            self._fill_places()

    def _load_failed(self, model: LoadedModel, error: InferenceError) -> None:
        logger.error("Loading %s failed: %s", model.model.name.shortest, error)
        self._failures.add(model.key, str(error))
        model.state = ModelState.ABSENT
        self._fail_waiting(model, error)

    def _fail_waiting(self, model: LoadedModel, error: InferenceError) -> None:
        for ticket in model.queue.clear():
            ticket.stream.finish(error)
        self._advance(model)

    async def _watch(self, model: LoadedModel, runner: Runner) -> None:
        """Takes note of a runner that ended by itself; its requests are failed by the runner's client."""
        await runner.exited.wait()
        if model.runner is not runner or not model.is_ready:
            return
        logger.error("The runner of %s stopped unexpectedly.", model.model.name.shortest)
        self.metrics.of(model.model.name.shortest).crashes += 1
        self._failures.add(model.key, "the model runner stopped unexpectedly")
        model.stop_timer()
        model.runner, model.state, model.is_leaving = None, ModelState.ABSENT, False
        with suppress(Exception):
            await runner.close(timeout=_CLOSE_TIMEOUT_S)
        refusal = self._failures.refusal(model.key, model.model.name.shortest)
        if refusal is not None:
            self._fail_waiting(model, refusal)
        else:
            self._advance(model)

    async def _end_when_hung(self, model: LoadedModel, runner: Runner) -> None:
        silence = await until_hung(
            runner,
            is_busy=lambda: bool(model.running),
            bound_s=self._settings.runner_hang_s,
            cpu_seconds=self._machine.cpu_seconds,
        )
        if silence is not None and model.runner is runner:
            logger.error("The runner of %s has not answered for %.0f s and is ended.", model.model.name.shortest, silence)
            await runner.kill(f"The model did not answer for {silence:.0f} seconds and was ended. Ask again to start it anew.")

    def _close(self, model: LoadedModel, reason: str) -> None:
        """`reason` is "idle", "room", "context", "options" or "asked"."""
        self.metrics.of(model.model.name.shortest).unloads[reason] += 1
        model.stop_timer()
        if not model.queue:
            # Whoever comes while it ends begins anew: an unloading that was asked for is over with it.
            model.keep_alive = self._settings.keep_alive
        model.state = ModelState.CLOSING
        self._spawn(self._close_runner(model))

    async def _close_runner(self, model: LoadedModel) -> None:
        if model.runner is not None:
            try:
                await model.runner.close(timeout=_CLOSE_TIMEOUT_S)
            except Exception:
                logger.exception("Closing a runner failed.")
        model.runner, model.state, model.is_leaving = None, ModelState.ABSENT, False
        self._advance(model)

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
        ticket.task = self._spawn(answer(model, ticket, model.runner, submit, metrics))
        ticket.task.add_done_callback(lambda _: self._release(model, ticket))

    def _release(self, model: LoadedModel, ticket: Ticket) -> None:
        # Here and not in the task itself: a task cancelled before its first step runs none of its code.
        ticket.stream.finish(RunnerCrashed("The model runner ended the answer without a reason."))
        model.running.discard(ticket)
        model.last_used = time.monotonic()
        self._advance(model)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
