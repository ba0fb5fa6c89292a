"""Free memory of NVIDIA cards, asked of their driver: at once, and without taking any, as a process that computes there does.

NVML (libnvidia-ml.so.1) comes with the driver: https://docs.nvidia.com/deploy/nvml-api/. Containers have it where the NVIDIA
Container Toolkit gives them the cards.
"""

import ctypes
from typing import Any

_LIBRARY = "libnvidia-ml.so.1"
_SUCCESS = 0


class _Memory(ctypes.Structure):
    """nvmlMemory_t"""

    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class Nvml:
    """May be used from any thread."""

    def __init__(self, library: str = _LIBRARY) -> None:
        """Where there is no such driver, nothing is known of any card."""
        self._library: Any = None
        try:
            loaded = ctypes.CDLL(library)
            if loaded.nvmlInit_v2() == _SUCCESS:
                self._library = loaded
        except (OSError, AttributeError):
            pass

    def free_bytes(self, bus_id: str) -> int | None:
        """Of the card at that place on the PCI bus, such as "0000:c1:00.0"; None where the driver does not say."""
        if self._library is None or not bus_id:
            return None
        device, memory = ctypes.c_void_p(), _Memory()
        try:
            code = self._library.nvmlDeviceGetHandleByPciBusId_v2(bus_id.encode(), ctypes.byref(device))
            code = code or self._library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
        except AttributeError:
            return None
        return int(memory.free) if code == _SUCCESS else None
