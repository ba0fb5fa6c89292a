"""How fast this machine goes through weights: measured once, kept in `HEARTH_DATA/machine.json`."""

import asyncio
import importlib.metadata
import logging
import platform
import re
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec

from inference.child import ChildFailed, answers_of
from inference.library.atomic import write_atomically
from inference.library.errors import LibraryError
from inference.runner.threads import usable_cores
from inference.scheduler.machine import Device

#: Types of weights that are measured; the others are taken for one of these, see `speed.RATE_OF`.
MEASURED_KINDS = ("Q4_0", "Q4_1", "Q4_K", "Q6_K", "Q8_0", "F16")
_MODULE = "inference.runner.llama.calibrate"
_TIMEOUT_S = 60.0
#: After a measurement that failed, so long none is tried.
_PAUSE_S = 300.0
_LARGEST_FILE = 64 * 1024
#: A GPU with less free memory is not measured: what is loaded beside it computes on the host.
_LEAST_GPU_BYTES = 2 * 1024**3

logger = logging.getLogger(__name__)


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """Of one machine, while one token after the other is computed."""

    #: Processor, cores, GPUs and version of llama.cpp's binding: of another one, nothing of this holds.
    machine: str
    #: Bytes of weights a second, by their type; of the GPU where there is one.
    rates: dict[str, float]
    #: What a layer of a token costs besides its weights.
    layer_seconds: float
    #: The same of what lies beside the GPUs; empty where there are none.
    host_rates: dict[str, float] = {}
    host_layer_seconds: float = 0.0
    #: Seconds since 1970.
    measured_at: float = 0.0

    @property
    def bandwidth(self) -> float:
        """Bytes a second of the type that needs the least arithmetic."""
        return max(self.rates.values(), default=0.0)


class Calibrations:
    """The calibration of the machine this runs on."""

    def __init__(self, data_dir: Path, devices: Callable[[], tuple[Device, ...]]) -> None:
        """`devices` are the GPUs."""
        self._path = data_dir / "machine.json"
        self._folder = data_dir / "run"
        self._devices = devices
        self._lock = asyncio.Lock()
        self._known: Calibration | None = None
        self._not_before = 0.0

    @property
    def machine(self) -> str:
        gpus = [device.title for device in self._devices()]
        parts = [processor_name(), f"{usable_cores()} cores", *gpus, _llama_version()]
        return ", ".join(part for part in parts if part)

    async def known(self) -> Calibration | None:
        """What was measured here before."""
        machine = self.machine
        if self._known is None or self._known.machine != machine:
            kept = await asyncio.to_thread(_read, self._path)
            is_whole = kept is not None and (bool(kept.host_rates) or not self._devices())
            self._known = kept if kept is not None and is_whole and kept.machine == machine else None
        return self._known

    async def measured(self) -> Calibration | None:
        """As `known`, and when there is none, measured now: about two seconds on all cores. None when it cannot be."""
        async with self._lock:
            calibration = await self.known()
            if calibration is None and time.monotonic() >= self._not_before:
                calibration = self._known = await self._measure()
                self._not_before = 0.0 if calibration is not None else time.monotonic() + _PAUSE_S
            return calibration

    async def _measure(self) -> Calibration | None:
        started = time.monotonic()
        devices = self._devices()
        has_gpu = any(device.free >= _LEAST_GPU_BYTES for device in devices)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await _ask({"folder": str(self._folder), "kinds": MEASURED_KINDS, "has_gpu": has_gpu})
        except (ChildFailed, TimeoutError) as error:
            logger.warning("This machine's speed could not be measured: %s.", error or "it took too long")
            return None
        if devices and not answer.host_rates:
            answer = msgspec.structs.replace(answer, host_rates=answer.rates, host_layer_seconds=answer.layer_seconds)
        calibration = msgspec.structs.replace(answer, machine=self.machine, measured_at=time.time())
        logger.info("Measured this machine's speed in %.1f s.", time.monotonic() - started)
        with suppress(LibraryError):
            await asyncio.to_thread(write_atomically, self._path, msgspec.json.format(msgspec.json.encode(calibration)))
        return calibration


async def _ask(request: dict[str, object]) -> Calibration:
    """Raises `ChildFailed`."""
    async with aclosing(answers_of(_MODULE, request)) as answers:
        async for answer in answers:
            with suppress(msgspec.ValidationError):
                return msgspec.convert({**answer, "machine": ""}, Calibration)
    raise ChildFailed("it gave no figures")


def _read(path: Path) -> Calibration | None:
    try:
        with path.open("rb") as file:
            kept = msgspec.json.decode(file.read(_LARGEST_FILE), type=Calibration)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    is_usable = all(kept.rates.get(kind, 0.0) > 0 for kind in MEASURED_KINDS) and kept.layer_seconds >= 0
    return kept if is_usable else None


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """As the kernel names it; on ARM, where it does not, by the numbers of maker and part."""
    try:
        text = cpuinfo.read_text(errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    if match := re.search(r"^(?:model name|Hardware|cpu model)\s*:\s*(.+)$", text, re.MULTILINE):
        return match[1].strip()[:100]
    parts = re.findall(r"^CPU (?:implementer|part)\s*:\s*(\S+)$", text, re.MULTILINE)
    return " ".join([platform.machine(), *dict.fromkeys(parts)])[:100]


def _llama_version() -> str:
    try:
        return f"llama-cpp-python {importlib.metadata.version('llama-cpp-python')}"
    except importlib.metadata.PackageNotFoundError:
        return ""
