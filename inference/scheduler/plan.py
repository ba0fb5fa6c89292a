"""How a model is to be loaded into the memory there is: how many slots it gets and where its layers go. Pure."""

from dataclasses import dataclass

from inference.library.footprint import CacheOptions, Footprint, estimate
from inference.library.shape import ModelShape

#: Numbers of slots to try where nothing was asked: four people, or fewer where memory is scarce.
AUTOMATIC_SLOTS = (4, 3, 2, 1)
#: More than the least is given only where that leaves something of the memory to others.
COMFORTABLE = 0.8
#: A context that can nearly always be had, and is of use.
SMALLEST_CTX = 2048
_LARGEST_CTX = 2**25
ALL_LAYERS = -1
#: Tokens of one batch where nothing was asked.
DEFAULT_BATCH = 512


@dataclass(frozen=True)
class Room:
    """Bytes that may be used."""

    host: int
    devices: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        return self.host + sum(self.devices)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Bytes are estimates."""

    num_slots: int
    host_bytes: int
    device_bytes: int = 0
    num_gpu_layers: int = ALL_LAYERS
    #: The GPU that holds all of it; None spreads it over all there are.
    single_gpu: int | None = None

    @property
    def total(self) -> int:
        return self.host_bytes + self.device_bytes


def contexts_below(num_ctx: int) -> list[int]:
    """Contexts to try where one so large cannot be had, the largest first. There are few of them, so that a little more or
    less of free memory does not make another one of it."""
    rungs = [SMALLEST_CTX]
    while rungs[-1] < min(num_ctx, _LARGEST_CTX):
        power = rungs[-1].bit_length() - 1
        rungs.append(2 ** (power + 1) if rungs[-1] > 2**power else 3 * 2 ** (power - 1))
    return [rung for rung in reversed(rungs) if rung < num_ctx]


def least_footprint(
    shape: ModelShape, *, num_ctx: int, num_slots: int | None, cache: CacheOptions, num_batch: int = DEFAULT_BATCH
) -> Footprint:
    """Of the smallest form in which the model may be loaded."""
    return estimate(shape, num_ctx=num_ctx, num_slots=num_slots or AUTOMATIC_SLOTS[-1], num_batch=num_batch, cache=cache)


def make_plan(
    shape: ModelShape,
    *,
    num_ctx: int,
    num_slots: int | None,
    cache: CacheOptions,
    room: Room,
    is_spread: bool = False,
    num_batch: int = DEFAULT_BATCH,
) -> Plan | None:
    """None when the model does not fit. `num_slots` None takes as many as are comfortable."""
    for count in AUTOMATIC_SLOTS if num_slots is None else (num_slots,):
        is_least = count == (num_slots or AUTOMATIC_SLOTS[-1])
        footprint = estimate(shape, num_ctx=num_ctx, num_slots=count, num_batch=num_batch, cache=cache)
        if footprint.total <= room.total * (1 if is_least else COMFORTABLE):
            plan = _place(footprint, shape.num_layers, count, room, is_spread)
            if plan.host_bytes <= room.host:
                return plan
    return None


def shortage(
    shape: ModelShape,
    *,
    num_ctx: int,
    num_slots: int | None,
    cache: CacheOptions,
    room: Room,
    is_spread: bool = False,
    num_batch: int = DEFAULT_BATCH,
) -> int:
    """Bytes that are lacking for the smallest form in which the model may be loaded; 0 where `make_plan` has a plan. What is
    free in all may be enough and still in the wrong place: where host and GPUs both compute, both need buffers."""
    footprint = least_footprint(shape, num_ctx=num_ctx, num_slots=num_slots, cache=cache, num_batch=num_batch)
    plan = _place(footprint, shape.num_layers, num_slots or AUTOMATIC_SLOTS[-1], room, is_spread)
    return max(0, footprint.total - room.total, plan.host_bytes - room.host)


def _place(footprint: Footprint, num_layers: int, num_slots: int, room: Room, is_spread: bool) -> Plan:
    movable = footprint.weights + footprint.kv_cache
    wanted = movable + footprint.compute
    if not room.devices:
        return Plan(num_slots=num_slots, host_bytes=footprint.total)
    largest = max(range(len(room.devices)), key=lambda index: room.devices[index])
    if not is_spread and wanted <= room.devices[largest]:
        return Plan(num_slots=num_slots, host_bytes=footprint.process, device_bytes=wanted, single_gpu=largest)
    if wanted <= sum(room.devices):
        return Plan(num_slots=num_slots, host_bytes=footprint.process, device_bytes=wanted)
    # Both sides compute then, and each needs its buffers. What comes after the last layer counts as one more.
    layer = movable / (num_layers + 1)
    count = max(0, int((sum(room.devices) - footprint.compute) / max(layer, 1)))
    moved = int(count * layer) + footprint.compute if count else 0
    host = footprint.total - int(count * layer)
    return Plan(num_slots=num_slots, host_bytes=host, device_bytes=moved, num_gpu_layers=count)
