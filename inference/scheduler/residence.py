"""Brings models into memory and out of it again: places, memory, loads, idle time, crashes."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from inference.errors import InferenceError, LoadLacksMemory, ModelLoadFailed
from inference.library.models import InstalledModel
from inference.metrics import Metrics
from inference.scheduler.failures import FailureLog
from inference.scheduler.fit import Fit
from inference.scheduler.health import until_hung
from inference.scheduler.loaded import LoadedModel, ModelState, Runner, StartRunner
from inference.scheduler.loading import LONGEST_LOAD_S, Loader
from inference.scheduler.machine import Machine
from inference.scheduler.placement import Plan
from inference.scheduler.places import Places
from inference.settings import Settings

_CLOSE_TIMEOUT_S = 5.0
_SHUTDOWN_TIMEOUT_S = 1.0
#: How long memory may take to come back after a process has ended (a GPU's does), and how often it is looked for.
_MEMORY_RETURNS_S = 5.0
_MEMORY_POLL_S = 0.1
#: Of the layers that did not find room on GPUs, what is tried next.
_LAYERS_LEFT = (0.8, 0.0)

logger = logging.getLogger(__name__)


class Residence:
    """Which models have a runner. Nothing here knows what a request asks for: `advance` is called for a model whenever
    something has changed that its requests may have waited for."""

    def __init__(
        self,
        settings: Settings,
        start_runner: StartRunner,
        *,
        failures: FailureLog,
        machine: Machine,
        metrics: Metrics,
        advance: Callable[[LoadedModel], None],
    ) -> None:
        self._settings = settings
        self._failures = failures
        self._machine = machine
        self._metrics = metrics
        self._advance = advance
        self.fit = Fit(settings, machine)
        self._loader = Loader(settings, start_runner, metrics)
        self._places = Places(settings.max_loaded_models)
        #: By the key of their runner: models that are loaded, being loaded or waited for.
        self.models: dict[str, LoadedModel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: The next look whether memory has come back.
        self._look: asyncio.TimerHandle | None = None
        self.is_closing = False

    def add(self, installed: InstalledModel) -> LoadedModel:
        """One that is waited for from now on."""
        key = installed.runtime_key
        model = self.models[key] = LoadedModel(key=key, model=installed, keep_alive=self._settings.keep_alive)
        return model

    def refuse_crash_loop(self, key: str, installed: InstalledModel) -> None:
        """Raises `ModelLoadFailed` while a model that crashes again and again is left alone."""
        refusal = self._failures.refusal(key, installed.name.shortest)
        if refusal is not None:
            raise refusal

    def settle(self, model: LoadedModel) -> None:
        """Gives a model without a runner a place if somebody waits for it, and a model without work its idle time."""
        if model.state is ModelState.ABSENT:
            if model.queue:
                self._places.want(model)
            else:
                self._places.forget(model)
                if self.models.get(model.key) is model:
                    del self.models[model.key]
            self._fill_places()
        elif model.is_ready and not model.running and model.is_leaving:
            self.close(model, "room")
        elif model.is_ready and model.is_idle and model.keep_alive == 0:
            self.close(model, "asked")
        elif model.is_ready and model.is_idle and model.timer is None and model.idle_since is None:
            model.idle_since = time.monotonic()
            if model.keep_alive <= LONGEST_LOAD_S:
                model.timer = asyncio.get_running_loop().call_later(model.keep_alive, self._expire, model)

    def _expire(self, model: LoadedModel) -> None:
        model.timer = None
        if model.is_ready and model.is_idle:
            logger.info("Unloading %s after %.0f s without use.", model.model.name.shortest, model.keep_alive)
            self.close(model, "idle")

    def _fill_places(self) -> None:
        models = self.models.values()
        while (head := self._places.head) is not None and self._places.has_free(models):
            head.plan = self.fit.plan(head, models)
            if head.plan is None or self.fit.lacking(head, list(models))[0]:
                break
            self._start_loading(head)
        shortage, held = self.fit.lacking(head, list(models)) if head is not None else (0, self.fit.held)
        for model in self._places.choose_victims(models, shortage=shortage, held=held):
            model.is_leaving = True
            self.settle(model)
        for model in self._places.pardoned(models, shortage=shortage, held=held):
            model.is_leaving = False
            self._advance(model)
        if shortage and head is not None and all(model.state is ModelState.ABSENT for model in models):
            self._await_memory(head)

    def _start_loading(self, model: LoadedModel) -> None:
        self._places.forget(model)
        model.num_ctx, model.load_options = model.wanted_ctx, model.wanted_options
        model.state = ModelState.LOADING
        model.is_leaving, model.short_since, model.loaded_fraction = False, None, 0.0
        self.spawn(self._load(model))
        model.report_waiting()

    def _await_memory(self, model: LoadedModel) -> None:
        """There was memory for it when its requests came, and nothing of ours is left to unload: what was unloaded may not
        be back yet, or other programs have taken it."""
        now = time.monotonic()
        if model.short_since is None:
            model.short_since = now
        if now - model.short_since < _MEMORY_RETURNS_S:
            if self._look is None:
                self._look = asyncio.get_running_loop().call_later(_MEMORY_POLL_S, self._look_again)
            return
        model.short_since = None
        head = model.queue.peek()
        if head is not None:
            self._fail_waiting(model, self.fit.error(head.request, self.models.values()))

    def _look_again(self) -> None:
        self._look = None
        if not self.is_closing:
            self._fill_places()

    async def _load(self, model: LoadedModel) -> None:
        started = time.monotonic()
        try:
            await self.look_at_devices()
            model.plan = self._plan_anew(model) or model.plan
            runner = await self._load_with_fewer_layers(model)
        except InferenceError as error:
            self._load_failed(model, error)
        except Exception:
            # Whatever it was, nobody waits for a model that does not come.
            logger.exception("Loading %s failed.", model.model.name.shortest)
            self._load_failed(model, ModelLoadFailed("The model could not be loaded; the log says why."))
        else:
            model.runner, model.state, model.ready_ns = runner, ModelState.READY, time.monotonic_ns()
            model.load_seconds = time.monotonic() - started
            self.spawn(self._watch(model, runner))
            self.spawn(self._end_when_hung(model, runner))
            self._advance(model)
            self._fill_places()

    async def look_at_devices(self) -> None:
        """At no cost where there are none."""
        if await self._machine.refresh_devices():
            self.fit.note_devices(self.models.values())

    def _plan_anew(self, model: LoadedModel, most_layers: int | None = None) -> Plan | None:
        others = [other for other in self.models.values() if other is not model]
        return self.fit.plan(model, others, most_layers=most_layers) if self._machine.devices else None

    async def _load_with_fewer_layers(self, model: LoadedModel) -> Runner:
        """An estimate of what a GPU has to give is one: where it was too high, some layers stay on the host, or all."""
        for share in (*_LAYERS_LEFT, None):
            try:
                return await self._loader.load(model)
            except LoadLacksMemory as error:
                if share is None or model.plan is None or model.shape is None or not model.plan.device_bytes:
                    raise
                num_layers = model.shape.num_layers + 1 if model.plan.is_on_gpus else model.plan.num_gpu_layers
                plan = self._plan_anew(model, int(num_layers * share))
                if plan is None:
                    raise
                logger.warning("%s is loaded with fewer layers on GPUs: %s", model.model.name.shortest, error)
                model.plan = plan
        raise AssertionError("the last try returns or raises")

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
        self._metrics.of(model.model.name.shortest).crashes += 1
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

    def close(self, model: LoadedModel, reason: str) -> None:
        """`reason` is "idle", "room", "context", "options" or "asked"."""
        self._metrics.of(model.model.name.shortest).unloads[reason] += 1
        model.stop_timer()
        if not model.queue:
            # Whoever comes while it ends begins anew: an unloading that was asked for is over with it.
            model.keep_alive = self._settings.keep_alive
        model.state = ModelState.CLOSING
        self.spawn(self._close_runner(model))

    async def _close_runner(self, model: LoadedModel) -> None:
        if model.runner is not None:
            try:
                await model.runner.close(timeout=_CLOSE_TIMEOUT_S)
            except Exception:
                logger.exception("Closing a runner failed.")
        model.runner, model.state, model.is_leaving = None, ModelState.ABSENT, False
        self._advance(model)

    async def end_work(self) -> None:
        """Cancels everything that was spawned, at a shutdown."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_SHUTDOWN_TIMEOUT_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs it until it is done or all of us end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
