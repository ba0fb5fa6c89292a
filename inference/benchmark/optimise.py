"""Writes a model anew with weights that this processor gets through faster, if there are such, and says what that costs.

llama.cpp lays some types of weights out for the processor when it loads them (it "repacks" them) and others not, so the
same weights may run much faster as another type of the same size. What is faster is measured here, never assumed.
"""

import asyncio
import dataclasses
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec

from inference.benchmark.bench import Bencher, open_measured
from inference.benchmark.perplexity import measure_perplexity
from inference.benchmark.speedometer import Measured, Speed, Speedometer
from inference.errors import InvalidRequest
from inference.library.errors import LibraryError
from inference.library.gguf import read_metadata
from inference.library.models import Library
from inference.library.names import InvalidName, ModelName, parse_name
from inference.library.progress import Progress
from inference.library.quantize import quantize
from inference.library.writer import ModelWriter, gguf_config

#: Types that llama.cpp lays out for processors, the smallest first.
_CANDIDATES = ("Q4_0", "IQ4_NL", "Q8_0")
#: A candidate larger than the model by more than this is not tried: it would take memory that was not asked for.
MOST_GROWTH = 1.1
#: What a model has to be faster by, over prefill and decode together, to be worth its place on the disk.
LEAST_GAIN = 1.05
#: Decoding is what people wait for: it must not get slower than measuring can tell.
_LEAST_DECODE = 0.97
#: By how much perplexity may grow. Between neighbouring sizes of a published model it changes by 5 to 15 %.
MOST_PERPLEXITY = 1.10
_MODEL = "model"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one file. Tokens a second; `size` in bytes; `perplexity` is None where it was not worth measuring."""

    quantization: str
    size: int
    prefill: float
    decode: float
    perplexity: float | None = None


class Optimised(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. Without `model`, nothing was written, and `reason` says why; `after` is the best that was tried."""

    source: str
    model: str | None
    reason: str
    before: Figures
    after: Figures | None
    tried: list[Figures]


@dataclasses.dataclass(kw_only=True)
class _Trial:
    """A file and what is known of it."""

    subject: Measured
    speed: Speed
    perplexity: float | None = None

    @property
    def path(self) -> Path:
        assert self.subject.model.model_path is not None
        return self.subject.model.model_path

    @property
    def figures(self) -> Figures:
        return Figures(
            quantization=self.subject.metadata.file_type,
            size=self.path.stat().st_size,
            prefill=self.speed.prefill,
            decode=self.speed.decode or 0.0,
            perplexity=self.perplexity,
        )

    def gain_over(self, before: "_Trial") -> float:
        """The geometric mean of how much faster prefill and decode are; 0 where decoding is slower."""
        decode = (self.speed.decode or 0.0) / (before.speed.decode or 1.0)
        return 0.0 if decode < _LEAST_DECODE else (decode * self.speed.prefill / before.speed.prefill) ** 0.5


class Optimiser:
    """Of models of the library. What it tries lies in a folder of its own until it is done."""

    def __init__(self, library: Library, speedometer: Speedometer, bencher: Bencher, folder: Path) -> None:
        self._library = library
        self._speedometer = speedometer
        self._bencher = bencher
        self._folder = folder
        self._lock = asyncio.Lock()

    async def optimise(
        self, asked: str, destination: str = "", *, most_perplexity: float = MOST_PERPLEXITY
    ) -> AsyncGenerator[Progress | Optimised]:
        """What is being done, then the result, then "success". The original stays as it is.

        Raises `InferenceError` or `LibraryError`. Closing it removes what was tried.
        """
        subject = await asyncio.to_thread(open_measured, self._library, asked)
        target = await asyncio.to_thread(self.check_destination, subject.model.name, destination)
        if subject.metadata.is_embedding:
            raise InvalidRequest(f'"{subject.name}" writes no text; only models that do can be optimised')
        if len([layer for layer in subject.model.manifest.layers if layer.kind == _MODEL]) != 1:
            raise InvalidRequest(f'"{subject.name}" lies in several files, or outside the library; it cannot be optimised')
        async with self._lock, self._empty_folder() as folder:
            with self._library.hold([layer.digest for layer in subject.model.manifest.layers]):
                async with aclosing(self._optimise(subject, target, folder, most_perplexity)) as steps:
                    async for step in steps:
                        yield step
        yield Progress(status="success")

    @asynccontextmanager
    async def _empty_folder(self) -> AsyncIterator[Path]:
        """Without what a process that was killed has left in it. Raises `LibraryError`."""
        try:
            await asyncio.to_thread(_make_empty, self._folder)
            yield self._folder
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True))

    def check_destination(self, source: ModelName, destination: str) -> ModelName:
        """Raises `InvalidRequest` for a name that is none or that belongs to another model."""
        try:
            name = parse_name(destination) if destination else fast_name(source)
        except InvalidName:
            raise InvalidRequest("invalid destination name") from None
        if name.folded == source.folded:
            raise InvalidRequest("the destination must have another name than the model, which is kept")
        # What an earlier run has made may be made anew.
        if name.folded != fast_name(source).folded and self._library.manifests.resolve(name) is not None:
            raise InvalidRequest(f"the model '{name.shortest}' exists already: choose another name, or delete it first")
        return name

    async def _optimise(
        self, subject: Measured, target: ModelName, folder: Path, most_perplexity: float
    ) -> AsyncGenerator[Progress | Optimised]:
        found: list[_Trial] = []
        async with aclosing(self._try_all(subject, folder, found)) as lines:
            async for line in lines:
                yield line
        before, *trials = found
        chosen: list[_Trial] = []
        async with aclosing(self._choose(before, trials, most_perplexity, chosen)) as lines:
            async for line in lines:
                yield line
        if chosen:
            yield Progress(status=f"writing {target.shortest}")
            await self._write(subject, chosen[0], target)
        yield _result(subject, target, before, trials, chosen[0] if chosen else None, most_perplexity)

    async def _try_all(self, subject: Measured, folder: Path, found: list[_Trial]) -> AsyncGenerator[Progress]:
        """Adds the model as it is, then what it may become."""
        async with aclosing(self._measure(subject, found, keep_alive=None)) as lines:
            async for line in lines:
                yield line
        await self._bencher.keep(subject, found[0].speed)
        for kind in _CANDIDATES:
            if kind == subject.metadata.file_type:
                continue
            path = folder / kind
            async with aclosing(quantize(found[0].path, path, kind, allow_requantize=True)) as lines:
                async for line in lines:
                    yield line
            candidate = await asyncio.to_thread(_candidate, subject, path, kind)
            if candidate.metadata.tensor_bytes > subject.metadata.tensor_bytes * MOST_GROWTH:
                await asyncio.to_thread(path.unlink)
                continue
            async with aclosing(self._measure(candidate, found, keep_alive=0.0)) as lines:
                async for line in lines:
                    yield line

    async def _measure(self, subject: Measured, found: list[_Trial], *, keep_alive: float | None) -> AsyncGenerator[Progress]:
        async with aclosing(self._speedometer.measure(subject, keep_alive=keep_alive)) as steps:
            async for step in steps:
                if isinstance(step, Progress):
                    yield step
                else:
                    found.append(_Trial(subject=subject, speed=step))

    async def _choose(
        self, before: _Trial, trials: list[_Trial], most_perplexity: float, chosen: list[_Trial]
    ) -> AsyncGenerator[Progress]:
        """Adds the fastest one that is good enough. Perplexity is measured of those only that are fast enough."""
        fast = [trial for trial in trials if trial.gain_over(before) >= LEAST_GAIN]
        for trial in sorted(fast, key=lambda trial: -trial.gain_over(before)):
            for one in (before, trial):
                if one.perplexity is None:
                    async with aclosing(_read(one)) as lines:
                        async for line in lines:
                            yield line
            assert before.perplexity is not None and trial.perplexity is not None
            if trial.perplexity <= before.perplexity * most_perplexity:
                chosen.append(trial)
                return

    async def _write(self, subject: Measured, trial: _Trial, target: ModelName) -> None:
        """Everything but the weights is the original's. Raises `LibraryError`."""
        await asyncio.to_thread(_write_model, self._library, subject, trial, target)
        written = await asyncio.to_thread(open_measured, self._library, str(target))
        await self._bencher.keep(written, trial.speed)


async def _read(trial: _Trial) -> AsyncGenerator[Progress]:
    """Finds out its perplexity."""
    async with aclosing(measure_perplexity(trial.path, trial.subject.name)) as steps:
        async for step in steps:
            if isinstance(step, Progress):
                yield step
            else:
                trial.perplexity = round(step.perplexity, 3)


def fast_name(source: ModelName) -> ModelName:
    """What an optimised model is called where nothing else is asked: `smollm2:135m` becomes `smollm2:135m-fast`."""
    return dataclasses.replace(source, tag=f"{source.tag[:75]}-fast")


def _candidate(subject: Measured, path: Path, kind: str) -> Measured:
    """The model as it would be with these weights. What is computed with them is never taken for the original's."""
    manifest = subject.model.manifest
    layers = [
        msgspec.structs.replace(layer, digest=f"sha256:{os.urandom(32).hex()}") if layer.kind == _MODEL else layer
        for layer in manifest.layers
    ]
    model = dataclasses.replace(
        subject.model, manifest=msgspec.structs.replace(manifest, layers=layers), model_path=path.absolute()
    )
    return Measured(model=model, metadata=read_metadata(path), name=f"{subject.name} as {kind}")


def _write_model(library: Library, subject: Measured, trial: _Trial, target: ModelName) -> None:
    layers = subject.model.manifest.layers
    writer = ModelWriter(library, [])
    for layer in layers:
        if layer.kind == _MODEL:
            writer.add_file(trial.path, _MODEL)
        else:
            writer.add(layer)
    original = subject.model.config
    kept = {key: value for key in ("renderer", "parser", "requires") if (value := getattr(original, key))}
    writer.write(target, {**gguf_config(trial.subject.metadata, families=original.model_families), **kept})


def _result(
    subject: Measured,
    target: ModelName,
    before: _Trial,
    trials: list[_Trial],
    chosen: _Trial | None,
    most_perplexity: float,
) -> Optimised:
    best = chosen or max(trials, key=lambda trial: trial.gain_over(before), default=None)
    return Optimised(
        source=subject.name,
        model=target.shortest if chosen is not None else None,
        reason="" if chosen is not None else _reason(before, best, most_perplexity),
        before=before.figures,
        after=best.figures if best is not None else None,
        tried=[trial.figures for trial in trials],
    )


def _reason(before: _Trial, best: _Trial | None, most_perplexity: float) -> str:
    if best is None:
        return "There is no other type of weights of about this size to try."
    if best.perplexity is None or before.perplexity is None:
        return f"Nothing that was tried is faster by {LEAST_GAIN - 1:.0%} or more on this machine: the model stays as it is."
    return (
        f"The faster ones lose too much: perplexity grows from {before.perplexity:.2f} to {best.perplexity:.2f}, "
        f"and at most {most_perplexity - 1:.0%} more is taken. The model stays as it is."
    )


def _make_empty(folder: Path) -> None:
    """Raises `LibraryError`."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise LibraryError(f"the folder for trials cannot be made: {error.strerror}") from error
