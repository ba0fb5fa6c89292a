"""Where the layers of a model go: to one GPU, to several, to the host, or to both. Pure."""

import math
from dataclasses import dataclass

from inference.library.footprint import Footprint
from inference.library.shape import ModelShape

ALL_LAYERS = -1
#: What computing takes of a GPU beside the buffers: kernels, which are loaded with their first use, and their scratch memory (85
#: to 200 MB on an H100, by what is computed).
GPU_WORK_BYTES = 128 * 1024**2
#: What a process that computes on a GPU takes of the host for that: the driver's and the libraries' tables and code (measured).
GPU_HOST_BYTES = 320 * 1024**2


@dataclass(frozen=True)
class Room:
    """Bytes that may be used."""

    host: int
    devices: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        return self.host + sum(self.devices)


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """What was asked for."""

    #: Whether a model that fits one GPU is spread over all of them.
    is_spread: bool = False
    #: At most; None leaves it to the room there is.
    num_layers: int | None = None
    #: The only one to be used; one that is not there is not asked for.
    main_gpu: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Bytes are estimates."""

    num_slots: int
    host_bytes: int
    device_bytes: int = 0
    #: What comes after the last layer counts as one more, and goes first.
    num_gpu_layers: int = ALL_LAYERS
    #: The GPU that holds all that is on one; None spreads it over all there are.
    single_gpu: int | None = None

    @property
    def total(self) -> int:
        return self.host_bytes + self.device_bytes

    @property
    def is_on_gpus(self) -> bool:
        """Whether every layer is."""
        return self.num_gpu_layers == ALL_LAYERS and self.device_bytes > 0

    @property
    def layers_on_gpus(self) -> float:
        """To be compared with those of another plan for the same model."""
        return math.inf if self.is_on_gpus else max(self.num_gpu_layers, 0)


def place(footprint: Footprint, shape: ModelShape, num_slots: int, room: Room, options: GpuOptions) -> Plan:
    """May need more of the host than there is."""
    devices = room.devices
    if options.main_gpu is not None and options.main_gpu < len(devices):
        devices = tuple(free if index == options.main_gpu else 0 for index, free in enumerate(devices))
    parts = _Parts(footprint, shape)
    most = parts.num_layers if options.num_layers is None else min(options.num_layers, parts.num_layers)
    if not devices or most == 0:
        # Without a GPU there is no difference, but to those who read it.
        layers = ALL_LAYERS if options.num_layers is None and not devices else 0
        return Plan(num_slots=num_slots, host_bytes=footprint.total, num_gpu_layers=layers)
    largest = max(range(len(devices)), key=lambda index: devices[index])
    is_single = options.main_gpu == largest
    if is_single or (not options.is_spread and parts.on_gpus(most) <= devices[largest]):
        return _plan(parts, min(most, parts.fitting(devices[largest])), num_slots, largest)
    count = min(most, parts.fitting(sum(devices)))
    if parts.on_host(count) > room.host >= parts.on_host(0):
        # Computing on a GPU takes something of the host, too.
        count = 0
    return _plan(parts, count, num_slots, None)


class _Parts:
    """What a model's bytes belong to. The matrix in which tokens are looked up is always on the host; the one that makes
    logits goes to a GPU with the first layer that does, as a copy where both are one."""

    def __init__(self, footprint: Footprint, shape: ModelShape) -> None:
        self.num_layers = shape.num_layers + 1
        self._footprint = footprint
        self._output = shape.output_bytes or shape.input_bytes
        self._only_output = shape.output_bytes
        in_layers = footprint.weights + footprint.kv_cache - shape.input_bytes - shape.output_bytes
        # Where the file says nothing of the others, they count as a layer.
        self._layer = max(in_layers, 0) / max(shape.num_layers + (not self._output), 1)

    def on_gpus(self, count: int) -> int:
        if count == 0:
            return 0
        return int(self._output + self._repeating(count) * self._layer) + self._footprint.compute + GPU_WORK_BYTES

    def on_host(self, count: int) -> int:
        """Both sides compute where a layer is left on the host, and each needs its buffers then."""
        moved = int(self._repeating(count) * self._layer) + (self._only_output if count else 0)
        compute = self._footprint.compute if count == self.num_layers else 0
        return self._footprint.total - moved - compute + (GPU_HOST_BYTES if count else 0)

    def fitting(self, free: int) -> int:
        """How many layers find room there."""
        if self.on_gpus(self.num_layers) <= free:
            return self.num_layers
        left = free - self.on_gpus(1)
        return 0 if left < 0 else min(1 + int(left / max(self._layer, 1)), self.num_layers - 1)

    def _repeating(self, count: int) -> int:
        """Of the layers that are alike, if they are told from the others."""
        return max(count - 1, 0) if self._output else count


def _plan(parts: _Parts, count: int, num_slots: int, single_gpu: int | None) -> Plan:
    return Plan(
        num_slots=num_slots,
        host_bytes=parts.on_host(count),
        device_bytes=parts.on_gpus(count),
        num_gpu_layers=ALL_LAYERS if count == parts.num_layers else count,
        single_gpu=single_gpu if count else None,
    )
