"""Loads models when they are asked for, gives requests to their runners, unloads what is idle, and survives crashes."""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, cast

from inference.errors import InferenceError, ModelLoadFailed, QueueFull, RunnerCrashed, RuntimeShuttingDown
from inference.library.models import InstalledModel
from inference.runner.messages import OutputDelta, PromptProgress, RequestFinished, RequestStats, RunnerConfig, Submit
from inference.scheduler.failures import FailureLog
from inference.scheduler.loaded import LoadedModel, ModelRequest, ModelState, Runner, StartRunner, Ticket
from inference.scheduler.places import Places
from inference.scheduler.stream import Finished, Prefilling, RequestStream
from inference.settings import Settings

_CLOSE_TIMEOUT_S = 5.0
_SHUTDOWN_TIMEOUT_S = 1.0
_LONGEST_LOAD_S = 30 * 86400.0

logger = logging.getLogger(__name__)


class Scheduler:
    """Every request submitted ends exactly once: with `Finished`, with an `InferenceError`, or by its reader's cancel."""

    def __init__(self, settings: Settings, start_runner: StartRunner, failures: FailureLog | None = None) -> None:
        self._settings = settings
        self._start_runner = start_runner
        self._failures = failures or FailureLog()
        self._models: dict[str, LoadedModel] = {}
        self._places = Places(settings.max_loaded_models)
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner_numbers = itertools.count(1)
        self._is_closing = False

    def loaded(self) -> list[LoadedModel]:
        """Models that are ready for requests, the one that stays longest first."""
        return sorted((model for model in self._models.values() if model.is_ready), key=lambda model: -model.expires_at)

    @property
    def num_waiting(self) -> int:
        return sum(len(model.queue) for model in self._models.values())

    def submit(self, request: ModelRequest) -> RequestStream:
        """Raises `QueueFull`, `RuntimeShuttingDown`, or `ModelLoadFailed` while a crashing model is left alone."""
        if self._is_closing:
            raise RuntimeShuttingDown("Hearth is shutting down.")
        key = str(request.model.model_path)
        model = self._models.get(key)
        if model is None or model.runner is None:
            self._refuse_crash_loop(key, request.model)
        if not (model and model.can_take(request)) and self.num_waiting >= self._settings.max_queue:
            raise QueueFull("server busy, please try again.  maximum pending requests exceeded")
        if model is None:
            model = self._models[key] = LoadedModel(key=key, model=request.model, keep_alive=self._settings.keep_alive)
        return self._enqueue(model, request)

    def unload(self, installed: InstalledModel) -> None:
        """Unloads the model as soon as it is idle; does nothing when it is not loaded."""
        model = self._models.get(str(installed.model_path))
        if model is not None:
            model.keep_alive = 0.0
            self._advance(model)

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
        await asyncio.gather(*(runner.close(timeout=_SHUTDOWN_TIMEOUT_S) for runner in runners), return_exceptions=True)
        self._models.clear()

    def _refuse_crash_loop(self, key: str, installed: InstalledModel) -> None:
        refusal = self._failures.refusal(key, installed.name.shortest)
        if refusal is not None:
            raise refusal

    def _enqueue(self, model: LoadedModel, request: ModelRequest) -> RequestStream:
        ticket: Ticket
        stream = RequestStream(on_cancel=lambda: self._cancel(model, ticket))
        ticket = Ticket(request=request, stream=stream)
        model.model = request.model
        if request.keep_alive is not None:
            model.keep_alive = request.keep_alive
        model.last_used = time.monotonic()
        model.stop_timer()
        if request.submit is None and model.can_take(request):
            self._finish_load_only(model, ticket)
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
            if head.request.num_ctx > model.num_ctx:
                if not model.running:
                    self._close(model)
                break
            if head.request.submit is None:
                self._finish_load_only(model, model.queue.pop())
            elif model.has_free_slot:
                self._run(model, model.queue.pop(), head.request.submit)
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
        elif model.is_ready and not model.running and (model.is_leaving or (not model.queue and model.keep_alive == 0)):
            self._close(model)
        elif model.is_ready and model.is_idle and model.timer is None and model.idle_since is None:
            model.idle_since = time.time()
            if model.keep_alive <= _LONGEST_LOAD_S:
                model.timer = asyncio.get_running_loop().call_later(model.keep_alive, self._expire, model)

    def _expire(self, model: LoadedModel) -> None:
        model.timer = None
        if model.is_ready and model.is_idle:
            logger.info("Unloading %s after %.0f s without use.", model.model.name.shortest, model.keep_alive)
            self._close(model)

    def _fill_places(self) -> None:
        for model in self._places.next_to_load(self._models.values()):
            model.state = ModelState.LOADING
            model.is_leaving = False
            model.loaded_fraction = 0.0
            model.num_ctx = max(ticket.request.num_ctx for ticket in model.queue)
            self._spawn(self._load(model))
            model.report_waiting()
        for model in self._places.choose_victims(self._models.values()):
            model.is_leaving = True
            self._settle(model)
        for model in self._places.pardoned(self._models.values()):
            model.is_leaving = False
            self._advance(model)

    async def _load(self, model: LoadedModel) -> None:
        config = RunnerConfig(
            model_path=str(model.model.model_path),
            socket_path=str(self._settings.run_dir / f"r{next(self._runner_numbers)}.sock"),
            num_ctx=model.num_ctx,
            num_slots=self._settings.num_parallel,
            max_gap_ms=self._settings.max_gap_ms,
        )
        started = time.monotonic()
        try:
            timeout = min(self._settings.load_timeout, _LONGEST_LOAD_S)
            runner = await self._start_runner(config, on_progress=lambda part: self._progress(model, part), timeout=timeout)
        except InferenceError as error:
            self._load_failed(model, error)
        except Exception:
            logger.exception("Starting a runner failed.")
            self._load_failed(model, ModelLoadFailed("The model runner could not be started; the log says why."))
        else:
            model.runner, model.state, model.ready_ns = runner, ModelState.READY, time.monotonic_ns()
            logger.info("Loaded %s in %.1f s.", model.model.name.shortest, time.monotonic() - started)
            self._spawn(self._watch(model, runner))
            self._advance(model)
            self._fill_places()

    def _progress(self, model: LoadedModel, fraction: float) -> None:
        model.loaded_fraction = fraction
        model.report_waiting()

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

    def _close(self, model: LoadedModel) -> None:
        model.stop_timer()
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

    def _finish_load_only(self, model: LoadedModel, ticket: Ticket) -> None:
        ticket.stream.finish(Finished("load", RequestStats(), max(0, model.ready_ns - ticket.arrived_ns)))

    def _run(self, model: LoadedModel, ticket: Ticket, submit: Submit) -> None:
        assert model.runner is not None
        model.running.add(ticket)
        ticket.task = self._spawn(self._pump(model, ticket, model.runner, submit))
        ticket.task.add_done_callback(lambda _: self._release(model, ticket))

    def _release(self, model: LoadedModel, ticket: Ticket) -> None:
        # Here and not in the task itself: a task cancelled before its first step runs none of its code.
        ticket.stream.finish(RunnerCrashed("The model runner ended the answer without a reason."))
        model.running.discard(ticket)
        model.last_used = time.monotonic()
        self._advance(model)

    async def _pump(self, model: LoadedModel, ticket: Ticket, runner: Runner, submit: Submit) -> None:
        try:
            async with aclosing(cast(AsyncGenerator[Any, None], runner.submit(submit))) as events:
                async for event in events:
                    if isinstance(event, OutputDelta):
                        ticket.stream.put_output(event.text, event.num_tokens)
                    elif isinstance(event, PromptProgress):
                        ticket.stream.put_status(Prefilling(event.num_computed_tokens, event.num_prompt_tokens))
                    elif isinstance(event, RequestFinished):
                        load_ns = max(0, model.ready_ns - ticket.arrived_ns)
                        ticket.stream.finish(Finished(event.finish_reason, event.stats, load_ns))
        except InferenceError as error:
            ticket.stream.finish(error)
        except Exception:
            logger.exception("A request failed.")
            ticket.stream.finish(InferenceError("The request failed; the log says why."))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
