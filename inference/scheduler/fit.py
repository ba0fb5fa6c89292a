"""Whether there is memory for a model: now, after unloading others, or never."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from inference.errors import InferenceError, ModelTooLarge, NotEnoughMemory
from inference.library.footprint import CacheOptions
from inference.library.shape import ModelShape
from inference.scheduler.gpu_memory import GpuMemory, share_of
from inference.scheduler.load_options import LoadOptions
from inference.scheduler.loaded import LoadedModel, ModelRequest, ModelState
from inference.scheduler.machine import Machine
from inference.scheduler.placement import ALL_LAYERS, GpuOptions, Plan, Room
from inference.scheduler.plan import (
    AUTOMATIC_SLOTS,
    COMFORTABLE,
    DEFAULT_BATCH,
    SMALLEST_CTX,
    contexts_below,
    least_footprint,
    make_plan,
    shortage,
)
from inference.settings import Settings
from inference.sizes import human_size

#: Where the memory cannot be told, nothing is refused.
_UNKNOWN = 2**62
#: A model so many times smaller than another computes on the host rather than have that unloaded for it.
_WORTH_UNLOADING = 4


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
        self._gpu_memory = GpuMemory()

    def note_devices(self, models: Iterable[LoadedModel]) -> None:
        """The GPUs have just been looked at: what these models hold is not free there."""
        self._gpu_memory.note(models)

    def plan(self, model: LoadedModel, models: Iterable[LoadedModel], *, most_layers: int | None = None) -> Plan | None:
        """How to load it now, with no more than `most_layers` on GPUs; None when it does not fit beside the others. Without a
        shape nothing is estimated."""
        if model.shape is None:
            options = model.wanted_options
            return Plan(
                num_slots=self._settings.num_parallel or AUTOMATIC_SLOTS[0],
                host_bytes=0,
                num_gpu_layers=ALL_LAYERS if options.num_gpu is None else options.num_gpu,
                single_gpu=options.main_gpu,
            )
        return self._plan(model, model.shape, self._room(models), num_slots=self._settings.num_parallel, most_layers=most_layers)

    def lacking(self, model: LoadedModel, models: Sequence[LoadedModel]) -> tuple[int, Callable[[LoadedModel], int]]:
        """Bytes that others have to give back before the model is loaded, and how many of them come back with each; 0 when
        it can be. One that could have more of its layers on GPUs waits for that: as it is loaded, it stays. But it is not
        worth the unloading of a much larger one."""
        shortage = self.shortage(model, models)
        if shortage or model.shape is None or not self._machine.devices:
            return shortage, self.held
        num_slots = self._settings.num_parallel or AUTOMATIC_SLOTS[-1]
        now = self._plan(model, model.shape, self._room(models), num_slots=num_slots)
        best = self._plan(model, model.shape, self._reachable_room(models), num_slots=num_slots)
        largest = max(map(_held_on_gpus, models), default=0)
        if now is None or best is None or best.layers_on_gpus <= now.layers_on_gpus or best.total * _WORTH_UNLOADING < largest:
            return 0, self.held
        return max(1, best.device_bytes - now.device_bytes), _held_on_gpus

    def _plan(
        self, model: LoadedModel, shape: ModelShape, room: Room, *, num_slots: int | None, most_layers: int | None = None
    ) -> Plan | None:
        return make_plan(
            shape,
            num_ctx=model.wanted_ctx,
            num_slots=num_slots,
            cache=self._cache,
            room=room,
            gpus=self._gpu_options(model.wanted_options, most_layers),
            num_batch=model.wanted_options.num_batch or DEFAULT_BATCH,
        )

    def _gpu_options(self, options: LoadOptions, most_layers: int | None = None) -> GpuOptions:
        limits = [limit for limit in (options.num_gpu, most_layers) if limit is not None]
        return GpuOptions(is_spread=self._settings.sched_spread, num_layers=min(limits, default=None), main_gpu=options.main_gpu)

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
        if measured is not None:
            return measured.own + measured.mapped + model.device_bytes
        return model.plan.total if model.plan is not None else 0

    def reachable(self, models: Iterable[LoadedModel]) -> int:
        """Bytes that would be free if all these were unloaded."""
        return self._reachable_room(list(models)).total

    def gpu_share(self, shape: ModelShape, num_ctx: int, models: Iterable[LoadedModel]) -> float:
        """Of its layers, the part that could lie on GPUs if every other model were unloaded."""
        plan = make_plan(
            shape,
            num_ctx=num_ctx,
            num_slots=self._settings.num_parallel or AUTOMATIC_SLOTS[-1],
            cache=self._cache,
            room=self._reachable_room(list(models)),
            gpus=self._gpu_options(LoadOptions()),
        )
        return min(plan.layers_on_gpus / (shape.num_layers + 1), 1.0) if plan is not None else 0.0

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
            gpus=self._gpu_options(options),
            num_batch=options.num_batch or DEFAULT_BATCH,
        )

    def _reachable_room(self, models: Sequence[LoadedModel]) -> Room:
        """As if all these were unloaded."""
        room = self._room(models)
        there = [model for model in models if model.state is not ModelState.ABSENT]
        on_gpus = sum(model.device_bytes for model in there)
        host = room.host + sum(map(self.held, there)) - on_gpus
        if not room.devices:
            return Room(host + on_gpus)
        devices = list(room.devices)
        for model in there:
            share_of(model).move(devices, 1)
        return Room(host, tuple(devices))

    def _room(self, models: Iterable[LoadedModel]) -> Room:
        models = list(models)
        memory = self._machine.memory()
        host = memory.free if memory is not None else _UNKNOWN
        for model in models:
            if model.state is ModelState.LOADING and model.plan is not None:
                host -= model.plan.host_bytes
            elif model.pid is not None:
                measured = self._machine.process_memory(model.pid)
                host -= measured.mapped if measured is not None else 0
        devices = [max(0, device.free - self._settings.gpu_overhead) for device in self._machine.devices]
        return Room(max(0, host), tuple(self._gpu_memory.free_now(devices, models)))


def _held_on_gpus(model: LoadedModel) -> int:
    return 0 if model.state is ModelState.ABSENT else model.device_bytes
