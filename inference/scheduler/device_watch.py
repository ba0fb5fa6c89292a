"""What is free on the GPUs now: once they are known, the driver is asked, which takes no time and no memory."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

from inference.scheduler.machine import Device

#: What a process that computes on a GPU takes of it before it has loaded anything (527 MiB of an H100) is never more. Where the
#: driver and llama.cpp differ by more, they speak of different things: of a card and of a part of it.
_LARGEST_CONTEXT = 3 * 1024**3 // 2
#: How long a process that has ended may still hold memory of a GPU.
_MEMORY_RETURNS_S = 0.3


class DeviceWatch:
    """`probe` asks llama.cpp, in a process of its own which itself takes memory of each GPU; None is no answer. `free_bytes`
    asks the driver for the free memory of the card at a place of the PCI bus."""

    def __init__(
        self, probe: Callable[[], Awaitable[tuple[Device, ...] | None]], free_bytes: Callable[[str], int | None]
    ) -> None:
        self._probe = probe
        self._free_bytes = free_bytes
        self._looking = asyncio.Lock()
        #: Of each device, by how much llama.cpp finds less free than the driver does; empty where the driver is of no help.
        self._contexts: tuple[int, ...] = ()
        self.devices: tuple[Device, ...] = ()

    async def refresh(self) -> bool:
        """Whether the figures are new: where nobody answers, among others because all memory is taken, the old ones stay."""
        # Two processes at once would each take memory from what the other finds.
        async with self._looking:
            return await self._ask_driver() or await self._ask_llama()

    async def _ask_driver(self) -> bool:
        free = await asyncio.to_thread(self._free_by_driver, self.devices) if self._contexts else None
        if free is None:
            return False
        self.devices = tuple(
            dataclasses.replace(device, free=max(0, found - context))
            for device, found, context in zip(self.devices, free, self._contexts, strict=True)
        )
        return True

    async def _ask_llama(self) -> bool:
        found = await self._probe()
        if found is None:
            return False
        self.devices, self._contexts = found, ()
        if any(device.bus_id for device in found):
            await asyncio.sleep(_MEMORY_RETURNS_S)
            free = await asyncio.to_thread(self._free_by_driver, found)
            contexts = tuple(by_driver - device.free for by_driver, device in zip(free or (), found, strict=False))
            if all(0 <= context <= _LARGEST_CONTEXT for context in contexts):
                self._contexts = contexts
        return True

    def _free_by_driver(self, devices: tuple[Device, ...]) -> list[int] | None:
        """None where it does not know each of them."""
        free = [self._free_bytes(device.bus_id) for device in devices]
        known = [value for value in free if value is not None]
        return known if len(known) == len(free) else None
