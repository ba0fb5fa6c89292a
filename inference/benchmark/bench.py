"""How fast an installed model is here; the result is kept."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from inference.benchmark.results import Benchmarks, BenchResult
from inference.benchmark.speedometer import Measured, Speed, Speedometer
from inference.errors import InvalidRequest
from inference.estimate.estimator import Estimator
from inference.estimate.subject import foretell, subject_of
from inference.library.errors import DamagedModel
from inference.library.gguf import GGUFMetadata
from inference.library.models import InstalledModel, Library
from inference.library.names import InvalidName, parse_name
from inference.library.progress import Progress


class Bencher:
    """Measures models of the library."""

    def __init__(self, library: Library, speedometer: Speedometer, benchmarks: Benchmarks, estimator: Estimator) -> None:
        self._library = library
        self._speedometer = speedometer
        self._benchmarks = benchmarks
        self._estimator = estimator

    async def bench(self, asked: str) -> AsyncGenerator[Progress | BenchResult]:
        """What is being done, then the result, then "success". Raises `InferenceError` or `LibraryError`."""
        subject = await asyncio.to_thread(open_measured, self._library, asked)
        # Before the model takes the cores.
        await self._estimator.calibration()
        async with aclosing(self._speedometer.measure(subject)) as steps:
            async for step in steps:
                if isinstance(step, Progress):
                    yield step
                else:
                    yield await self.keep(subject, step)
        yield Progress(status="success")

    async def keep(self, subject: Measured, speed: Speed) -> BenchResult:
        """Raises `LibraryError`."""
        calibration = await self._estimator.calibrations.known()
        weights = subject.model.manifest.first("model")
        digest = weights.digest if weights is not None else ""
        size = weights.size if weights is not None else 0
        expected = None
        if calibration is not None:
            expected = foretell(calibration, subject_of(subject.metadata, name="", size=size, context=0, digest=digest))
        result = BenchResult(
            model=subject.name,
            digest=digest,
            machine=self._estimator.calibrations.machine,
            prefill=speed.prefill,
            decode=speed.decode,
            prompt_tokens=speed.prompt_tokens,
            generated_tokens=speed.generated_tokens,
            repeats=speed.repeats,
            quantization=subject.metadata.file_type,
            size=size,
            memory_bytes=speed.memory_bytes,
            measured_at=time.time(),
            ratio=round(speed.decode / expected, 3) if expected and speed.decode else None,
        )
        await asyncio.to_thread(self._benchmarks.add, result)
        return result


def open_measured(library: Library, asked: str) -> Measured:
    """Raises `InvalidRequest`, `ModelNotFound` or `LibraryError`."""
    if not asked:
        raise InvalidRequest("model is required")
    try:
        name = parse_name(asked)
    except InvalidName:
        raise InvalidRequest("invalid model name") from None
    model = library.find(name, asked=asked)
    return Measured(model=model, metadata=_check(library, model), name=model.name.shortest)


def _check(library: Library, model: InstalledModel) -> GGUFMetadata:
    if model.model_path is None:
        raise InvalidRequest(f'"{model.name.shortest}" is in a format Hearth cannot run; it runs GGUF models')
    metadata = library.metadata(model)
    if metadata.missing_bytes:
        raise DamagedModel(f"its file is cut short by {metadata.missing_bytes} bytes; install it again")
    if metadata.is_reranker:
        raise InvalidRequest(f'"{model.name.shortest}" is a rerank model, whose speed cannot be measured yet')
    return metadata
