"""Whether there is memory for a model: now, after unloading others, or never."""

import dataclasses
from collections.abc import Iterable, Sequence

from inference.errors import InferenceError, ModelTooLarge, NotEnoughMemory
from inference.library.footprint import CacheOptions
from inference.library.shape import ModelShape
from inference.scheduler.load_options import LoadOptions
from inference.scheduler.loaded import LoadedModel, ModelRequest, ModelState
from inference.scheduler.machine import Machine
from inference.scheduler.plan import (
    AUTOMATIC_SLOTS,
    COMFORTABLE,
    DEFAULT_BATCH,
    SMALLEST_CTX,
    Plan,
    Room,
    contexts_below,
    least_footprint,
    make_plan,
    shortage,
)
from inference.settings import Settings
from inference.sizes import human_size

#: Where the memory cannot be told, nothing is refused.
_UNKNOWN = 2**62


class Fit:
    """What is free is measured anew at each question; of what loaded models hold, a runner's own figures are taken.

    The kernel calls pages of a mapped model file free, since it can read them again. For a model that computes they are
    not, so they are taken off.
    """

    def __init__(self, settings: Settings, machine: Machine) -> None:
        self._settings = settings
        self._machine = machine
        self._cache = CacheOptions(
            cache_type=settings.kv_cache_type,
            # "auto" turns it on wherever the model allows; keys and values of other types always need it.
            flash_attention=settings.flash_attention != "off",
        )

    def plan(self, model: LoadedModel, models: Iterable[LoadedModel]) -> Plan | None:
        """How to load it now; None when it does not fit beside the others. Without a shape nothing is estimated."""
        if model.shape is None:
            return Plan(num_slots=self._settings.num_parallel or AUTOMATIC_SLOTS[0], host_bytes=0)
        return make_plan(
            model.shape,
            num_ctx=model.wanted_ctx,
            num_slots=self._settings.num_parallel,
            cache=self._cache,
            room=self._room(models),
            is_spread=self._settings.sched_spread,
            num_batch=model.wanted_options.num_batch or DEFAULT_BATCH,
        )

    def shortage(self, model: LoadedModel, models: Iterable[LoadedModel]) -> int:
        """Bytes that others have to give back before the model fits; 0 when it does."""
        if model.shape is None:
            return 0
        return self._shortage(model.shape, model.wanted_ctx, model.wanted_options, self._room(models))

    def held(self, model: LoadedModel) -> int:
        """Bytes that come back when the model is unloaded; one that waits to be loaded has a plan, and nothing yet."""
        if model.state is ModelState.ABSENT:
            return 0
        pid = model.pid
        measured = self._machine.process_memory(pid) if pid is not None else None
        device_bytes = model.plan.device_bytes if model.plan is not None else 0
        if measured is not None:
            return measured.own + measured.mapped + device_bytes
        return model.plan.total if model.plan is not None else 0

    def reachable(self, models: Iterable[LoadedModel]) -> int:
        """Bytes that would be free if all these were unloaded."""
        return self._reachable_room(list(models)).total

    def needed(self, shape: ModelShape, num_ctx: int) -> int:
        """Bytes, for the least that a model of this shape may be loaded with."""
        return self._need(shape, num_ctx, LoadOptions())

    def largest_context(self, request: ModelRequest, models: Iterable[LoadedModel]) -> int:
        """What it asks for, or the most that there could be memory for if every other model were unloaded. Raises
        `ModelTooLarge` or `NotEnoughMemory` where not even a small context can be had."""
        if request.shape is None:
            return request.num_ctx
        reachable = self._reachable_room(list(models))
        for num_ctx in (request.num_ctx, *contexts_below(request.num_ctx)):
            is_fixed = num_ctx in (request.num_ctx, SMALLEST_CTX)
            is_comfortable = is_fixed or self._need(request.shape, num_ctx, request.load_options) <= COMFORTABLE * reachable.total
            if is_comfortable and not self._shortage(request.shape, num_ctx, request.load_options, reachable):
                return num_ctx
        raise self._error(dataclasses.replace(request, num_ctx=min(request.num_ctx, SMALLEST_CTX)), reachable)

    def error(self, request: ModelRequest, models: Iterable[LoadedModel]) -> InferenceError:
        """For a request that was let in when there was still memory for it."""
        return self._error(request, self._room(models))

    def _error(self, request: ModelRequest, room: Room) -> InferenceError:
        free, need = room.total, 0
        if request.shape is not None:
            asked = (request.shape, request.num_ctx, request.load_options)
            need = max(self._need(*asked), free + self._shortage(*asked, room))
        memory = self._machine.memory()
        total = (memory.total if memory else _UNKNOWN) + sum(device.total for device in self._machine.devices)
        kind: type[InferenceError] = ModelTooLarge
        advice = "choose a smaller model or a smaller context"
        if need <= total:
            kind, advice = NotEnoughMemory, "close other programs, or choose a smaller model or a smaller context"
        return kind(
            f"The model {request.model.name.shortest} needs {human_size(need)} of memory with a context of "
            f"{request.num_ctx} tokens, and {human_size(free)} are free: {advice}."
        )

    def _need(self, shape: ModelShape, num_ctx: int, options: LoadOptions) -> int:
        slots, num_batch = self._settings.num_parallel, options.num_batch or DEFAULT_BATCH
        return least_footprint(shape, num_ctx=num_ctx, num_slots=slots, cache=self._cache, num_batch=num_batch).total

    def _shortage(self, shape: ModelShape, num_ctx: int, options: LoadOptions, room: Room) -> int:
        return shortage(
            shape,
            num_ctx=num_ctx,
            num_slots=self._settings.num_parallel,
            cache=self._cache,
            room=room,
            is_spread=self._settings.sched_spread,
            num_batch=options.num_batch or DEFAULT_BATCH,
        )

    def _reachable_room(self, models: Sequence[LoadedModel]) -> Room:
        """As if all these were unloaded."""
        room = self._room(models)
        there = [model for model in models if model.state is not ModelState.ABSENT]
        device_bytes = sum(model.plan.device_bytes for model in there if model.plan is not None)
        host = room.host + sum(map(self.held, there)) - device_bytes
        if not room.devices:
            return Room(host + device_bytes)
        # Which of them it comes back on matters little: one model may lie on several.
        return Room(host, (room.devices[0] + device_bytes, *room.devices[1:]))

    def _room(self, models: Iterable[LoadedModel]) -> Room:
        memory = self._machine.memory()
        host = memory.free if memory is not None else _UNKNOWN
        devices = [max(0, device.free - self._settings.gpu_overhead) for device in self._machine.devices]
        for model in models:
            if model.state is ModelState.LOADING and model.plan is not None:
                host -= model.plan.host_bytes
                _take(devices, model.plan.device_bytes)
            elif model.pid is not None:
                measured = self._machine.process_memory(model.pid)
                host -= measured.mapped if measured is not None else 0
        return Room(max(0, host), tuple(devices))


def _take(devices: list[int], num_bytes: int) -> None:
    for index, free in enumerate(devices):
        taken = min(free, num_bytes)
        devices[index] -= taken
        num_bytes -= taken
