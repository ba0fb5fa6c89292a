"""How a model is to be loaded into the memory there is: how many slots it gets, and with that where its layers go. Pure."""

from inference.library.footprint import CacheOptions, Footprint, estimate
from inference.library.shape import ModelShape
from inference.scheduler.placement import GpuOptions, Plan, Room, place

#: Numbers of slots to try where nothing was asked: four people, or fewer where memory is scarce.
AUTOMATIC_SLOTS = (4, 3, 2, 1)
#: More than the least is given only where that leaves something of the memory to others.
COMFORTABLE = 0.8
#: A context that can nearly always be had, and is of use.
SMALLEST_CTX = 2048
_LARGEST_CTX = 2**25
#: Tokens of one batch where nothing was asked.
DEFAULT_BATCH = 512
_ANY_GPU = GpuOptions()


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
    gpus: GpuOptions = _ANY_GPU,
    num_batch: int = DEFAULT_BATCH,
) -> Plan | None:
    """None when the model does not fit. `num_slots` None takes as many as are comfortable and cost no layer its GPU."""

    def plan_of(count: int, share: float) -> Plan | None:
        footprint = estimate(shape, num_ctx=num_ctx, num_slots=count, num_batch=num_batch, cache=cache)
        plan = place(footprint, shape, count, room, gpus)
        return plan if footprint.total <= room.total * share and plan.host_bytes <= room.host else None

    least = plan_of(num_slots or AUTOMATIC_SLOTS[-1], 1)
    if least is None or num_slots is not None:
        return least
    for count in AUTOMATIC_SLOTS[:-1]:
        plan = plan_of(count, COMFORTABLE)
        if plan is not None and plan.num_gpu_layers == least.num_gpu_layers and _is_comfortable(plan, room):
            return plan
    return least


def _is_comfortable(plan: Plan, room: Room) -> bool:
    free = sum(room.devices) if plan.single_gpu is None else room.devices[plan.single_gpu]
    return plan.device_bytes <= COMFORTABLE * free


def shortage(
    shape: ModelShape,
    *,
    num_ctx: int,
    num_slots: int | None,
    cache: CacheOptions,
    room: Room,
    gpus: GpuOptions = _ANY_GPU,
    num_batch: int = DEFAULT_BATCH,
) -> int:
    """Bytes that are lacking for the smallest form in which the model may be loaded; 0 where `make_plan` has a plan. What is
    free in all may be enough and still in the wrong place: where host and GPUs both compute, both need buffers."""
    footprint = least_footprint(shape, num_ctx=num_ctx, num_slots=num_slots, cache=cache, num_batch=num_batch)
    plan = place(footprint, shape, num_slots or AUTOMATIC_SLOTS[-1], room, gpus)
    return max(0, footprint.total - room.total, plan.host_bytes - room.host)
