"""Before a model is downloaded or loaded: does it fit here, and about how fast will it write."""

import asyncio
import shutil
import statistics
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inference.benchmark.results import Benchmarks
from inference.catalogue.catalogue import Size, find_size
from inference.errors import ModelNotFound, NotInRegistry, RegistryError
from inference.estimate import guess
from inference.estimate.calibration import Calibration, Calibrations
from inference.estimate.subject import Subject, foretell, subject_of
from inference.library.gguf import GGUFMetadata
from inference.library.models import InstalledModel, Library
from inference.runner.threads import usable_cores
from inference.scheduler import Scheduler
from inference.settings import Settings

if TYPE_CHECKING:
    from inference.library.registry.registry import Registry

#: How long a registry is waited for, in seconds; a third of it where the catalogue knows the model.
_ANSWER_S = 15.0
#: A single bench must not turn every estimate upside down.
_LEAST_RATIO, _MOST_RATIO = 0.2, 3.0


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes. `memory_free` is what could be had for the model: what is free and what idle models would give back."""

    model: str = ""
    installed: bool = False
    size: int
    #: What is still to be downloaded of it.
    download_bytes: int
    parameters: int = 0
    quantization: str = ""
    #: Tokens of context that the memory is reckoned for.
    context: int
    memory_bytes: int
    memory_free: int | None
    fits: bool
    #: By which memory is short; 0 when it fits.
    short_bytes: int
    disk_free: int
    disk_short_bytes: int
    #: Of one answer at a short context; None for a model that writes no text, or as long as this machine is not measured.
    tokens_per_second: float | None = None
    #: Whether that was measured with this very model here.
    is_measured: bool = False


class Estimator:
    """Of models on this machine as it is now."""

    def __init__(
        self,
        settings: Settings,
        library: Library,
        registry: "Callable[[], Registry]",
        scheduler: Scheduler,
        benchmarks: Benchmarks,
    ) -> None:
        self._settings = settings
        self._library = library
        self._registry = registry
        self._scheduler = scheduler
        self._benchmarks = benchmarks
        self.calibrations = Calibrations(settings.data_dir, lambda: scheduler.machine.devices)

    async def calibration(self) -> Calibration | None:
        """Measured when it is asked for first. Not while answers are being written: each would slow down the other."""
        return await (self.calibrations.known() if self._scheduler.is_busy else self.calibrations.measured())

    async def machine(self) -> dict[str, Any]:
        """What this machine has, in bytes and bytes a second; None where it cannot be told."""
        calibration = await self.calibration()
        memory = self._scheduler.machine.memory()
        disk = await asyncio.to_thread(_disk, self._settings.models_dir)
        return {
            "machine": self.calibrations.machine,
            "cores": usable_cores(),
            "memory_total": memory.total if memory is not None else None,
            "memory_free": memory.free if memory is not None else None,
            "disk_total": disk.total,
            "disk_free": disk.free,
            "gpus": [msgspec.to_builtins(device) for device in self._scheduler.machine.devices],
            "bandwidth": round(calibration.bandwidth) if calibration is not None else None,
            "rates": {kind: round(rate) for kind, rate in calibration.rates.items()} if calibration is not None else {},
        }

    async def of_installed(self, model: InstalledModel, *, context: int | None = None) -> Estimate:
        """Raises `LibraryError`."""
        metadata = await asyncio.to_thread(self._library.metadata, model)
        return await self.of(
            subject_of(
                metadata, name=model.name.shortest, size=model.size, context=self._context(metadata, context),
                digest=weights.digest if (weights := model.manifest.first("model")) else "",
            )
        )  # fmt: skip

    async def of_name(self, asked: str, *, context: int | None = None, insecure: bool = False) -> Estimate:
        """Of an installed model, else of what its registry has under that name; where that cannot be asked, of what the
        catalogue says. Raises `InvalidRequest`, `ModelNotFound`, `RegistryError` or `LibraryError`."""
        # What talks to registries is large: it is not read until somebody asks.
        from inference.estimate.remote import read_remote
        from inference.library.registry.remote_name import parse_remote_name

        name = parse_remote_name(asked, insecure=insecure).name
        with suppress(ModelNotFound):
            return await self.of_installed(await asyncio.to_thread(self._library.find, name, asked=asked), context=context)
        size = find_size(name)
        try:
            async with asyncio.timeout(_ANSWER_S if size is None else _ANSWER_S / 3):
                remote = await read_remote(self._registry(), self._library, asked, insecure=insecure)
        except NotInRegistry:
            raise ModelNotFound(f"model '{asked}' not found, neither here nor at its registry") from None
        except (RegistryError, TimeoutError) as error:
            if size is not None:
                return await self.of_size(size, context=context)
            if isinstance(error, RegistryError):
                raise
            raise RegistryError("the registry does not answer in time") from None
        return await self.of(remote.subject(self._context(remote.metadata, context)))

    async def of_size(self, size: Size, *, context: int | None = None) -> Estimate:
        """Of one of the catalogue's models, by its published figures."""
        return await self.of_figures(
            name=size.name,
            size=size.download_bytes,
            parameters=size.parameters,
            active_parameters=size.active_parameters,
            quantization=size.quantization,
            context=min(context or self._settings.context_length, size.context or 2**31),
            writes_text=size.writes_text,
        )

    async def of_figures(
        self,
        *,
        size: int | None,
        parameters: float | None,
        context: int | None = None,
        quantization: str = "",
        active_parameters: float | None = None,
        name: str = "",
        writes_text: bool = True,
    ) -> Estimate:
        """By rule of thumb. One of `size` in bytes and `parameters` is enough."""
        size = size or guess.guess_size(parameters or 0.0, quantization)
        parameters = parameters or guess.guess_parameters(size, quantization)
        return await self.of(
            Subject(
                name=name,
                shape=guess.guess_shape(parameters=parameters, size=size),
                size=size,
                download_bytes=size,
                parameters=round(parameters),
                quantization=quantization or guess.guess_file_type(parameters=parameters, size=size),
                context=context or self._settings.context_length,
                active_share=min((active_parameters or parameters) / max(parameters, 1.0), 1.0),
                writes_text=writes_text,
            )
        )

    async def of(self, subject: Subject) -> Estimate:
        need = self._scheduler.memory_needed(subject.shape, subject.context)
        free = self._scheduler.memory_available()
        disk = await asyncio.to_thread(_disk, self._settings.models_dir)
        speed, is_measured = await self._speed(subject)
        return Estimate(
            model=subject.name,
            installed=subject.installed,
            size=subject.size,
            download_bytes=subject.download_bytes,
            parameters=subject.parameters,
            quantization=subject.quantization,
            context=subject.context,
            memory_bytes=need,
            memory_free=free,
            fits=free is None or need <= free,
            short_bytes=0 if free is None else max(need - free, 0),
            disk_free=disk.free,
            disk_short_bytes=max(subject.download_bytes - disk.free, 0),
            tokens_per_second=speed,
            is_measured=is_measured,
        )

    async def _speed(self, subject: Subject) -> tuple[float | None, bool]:
        """And whether it was measured with this very model."""
        if not subject.writes_text:
            return None, False
        machine = self.calibrations.machine
        kept = await asyncio.to_thread(self._benchmarks.of, subject.digest, machine) if subject.digest else None
        if kept is not None and kept.decode is not None:
            return round(kept.decode, 1), True
        calibration = await self.calibration()
        if calibration is None:
            return None, False
        ratios = await asyncio.to_thread(self._benchmarks.ratios, machine)
        ratio = min(max(statistics.median(ratios), _LEAST_RATIO), _MOST_RATIO) if ratios else 1.0
        gpu_share = self._scheduler.gpu_share(subject.shape, subject.context)
        return round(foretell(calibration, subject, gpu_share) * ratio, 1), False

    def _context(self, metadata: GGUFMetadata, asked: int | None) -> int:
        return min(asked or self._settings.context_length, metadata.context_length or 2**31)


def _disk(folder: Path) -> Any:
    """Of the nearest folder that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder)
