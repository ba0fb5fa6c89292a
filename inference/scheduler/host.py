"""The machine Hearth really runs on."""

import asyncio
import importlib.util
import logging
import sys
from pathlib import Path

import msgspec

from inference.scheduler.device_watch import DeviceWatch
from inference.scheduler.machine import (
    Device,
    Memory,
    ProcessMemory,
    read_cpu_seconds,
    read_memory,
    read_process_memory,
)
from inference.scheduler.nvml import Nvml

_PROJECT = Path(__file__).resolve().parents[2]
_PROBE_TIMEOUT_S = 30.0
#: Parts of llama.cpp that compute on the processor or on nothing; any other ggml library drives a GPU.
_PROCESSOR_ONLY = ("libggml-base", "libggml-cpu", "libggml-blas", "libggml.")

logger = logging.getLogger(__name__)


class HostMachine:
    """GPUs are asked for in a process of their own: the service itself never loads llama.cpp."""

    def __init__(self) -> None:
        self._watch: DeviceWatch | None = None
        if has_gpu_library(_llama_libraries()):
            self._watch = DeviceWatch(_probe_devices, Nvml().free_bytes)

    @property
    def devices(self) -> tuple[Device, ...]:
        return self._watch.devices if self._watch is not None else ()

    def memory(self) -> Memory | None:
        return read_memory()

    def process_memory(self, pid: int) -> ProcessMemory | None:
        return read_process_memory(pid)

    def cpu_seconds(self, pid: int) -> float | None:
        return read_cpu_seconds(pid)

    async def refresh_devices(self) -> bool:
        """Does nothing, at no cost, where llama.cpp was built without a GPU back end."""
        return await self._watch.refresh() if self._watch is not None else False


def has_gpu_library(folder: Path | None) -> bool:
    if folder is None:
        return False
    return any(not path.name.startswith(_PROCESSOR_ONLY) for path in folder.glob("libggml*"))


def _llama_libraries() -> Path | None:
    """Where the installed llama.cpp is, found without importing it."""
    spec = importlib.util.find_spec("llama_cpp")
    locations = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(locations))) / "lib" if locations else None


async def _probe_devices() -> tuple[Device, ...] | None:
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            return tuple(msgspec.json.decode(await _ask_for_devices(), type=list[Device]))
    except (TimeoutError, OSError, msgspec.DecodeError):
        logger.warning("The GPUs could not be looked at; what was known of them before is taken for true.")
        return None


async def _ask_for_devices() -> bytes:
    """Leaves no process, even when it is cancelled. Raises `OSError`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "inference.runner.devices", cwd=_PROJECT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
        return output
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
