"""What is free on the GPUs between two looks at them: a look takes a process of its own, and a second."""

from collections.abc import Iterable
from dataclasses import dataclass

from inference.scheduler.loaded import LoadedModel, ModelState


class GpuMemory:
    """Keeps which models held memory of the GPUs when they were looked at last."""

    def __init__(self) -> None:
        #: By the process of their runner.
        self._seen: dict[int, Share] = {}

    def note(self, models: Iterable[LoadedModel]) -> None:
        """What these hold is not in the figures that have just been read."""
        self._seen = {model.pid: share_of(model) for model in models if model.pid is not None}

    def free_now(self, devices: list[int], models: Iterable[LoadedModel]) -> list[int]:
        """Of the free bytes that were read, what is free after what has been loaded and unloaded since."""
        free = list(devices)
        there = {model.pid for model in models if model.pid is not None}
        for pid, share in self._seen.items():
            if pid not in there:
                share.move(free, 1)
        for model in models:
            is_new = model.pid is not None and model.pid not in self._seen
            if is_new or (model.state is ModelState.LOADING and model.pid is None):
                share_of(model).move(free, -1)
        return [max(0, value) for value in free]


@dataclass(frozen=True)
class Share:
    """What a model holds of the GPUs: of one, or of all."""

    num_bytes: int
    single_gpu: int | None

    def move(self, devices: list[int], sign: int) -> None:
        """Gives it back to them (1), or takes it away (-1)."""
        if self.single_gpu is not None and self.single_gpu < len(devices):
            devices[self.single_gpu] += sign * self.num_bytes
            return
        # llama.cpp divides the layers by what is free.
        total = sum(devices)
        for index, free in enumerate(devices):
            devices[index] += sign * (self.num_bytes * free // total if total > 0 else self.num_bytes // len(devices))


def share_of(model: LoadedModel) -> Share:
    return Share(model.device_bytes, model.plan.single_gpu if model.plan is not None else None)
