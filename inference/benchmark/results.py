"""What was measured of models, kept in `HEARTH_DATA/benchmarks.json`."""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from inference.library.atomic import write_atomically

_MOST_RESULTS = 1000
_LARGEST_FILE = 16 * 1024**2

logger = logging.getLogger(__name__)


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """Of one model on one machine. Speeds in tokens a second, medians over `repeats`."""

    #: The name it was measured under.
    model: str
    #: Of its weights, `sha256:<hex>`: models that differ in nothing else are as fast.
    digest: str
    #: As `Calibration.machine` names it.
    machine: str
    prefill: float
    #: None of a model that writes no text.
    decode: float | None = None
    prompt_tokens: int
    generated_tokens: int = 0
    repeats: int
    quantization: str = ""
    #: Bytes of the weights; bytes that its runner held.
    size: int = 0
    memory_bytes: int = 0
    #: Seconds since 1970.
    measured_at: float = 0.0
    #: By how much decoding was faster than the calibration alone foretold.
    ratio: float | None = None


class Benchmarks:
    """The newest result of each model and machine. Safe to use from several threads."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "benchmarks.json"
        self._lock = threading.Lock()
        self._results: dict[tuple[str, str], BenchResult] | None = None

    def all(self) -> list[BenchResult]:
        """The newest first."""
        with self._lock:
            return sorted(self._read().values(), key=lambda result: -result.measured_at)

    def of(self, digest: str, machine: str) -> BenchResult | None:
        """`digest` of the weights."""
        with self._lock:
            return self._read().get((digest, machine))

    def add(self, result: BenchResult) -> None:
        """Raises `LibraryError` when it cannot be kept; it is known until the next start then."""
        with self._lock:
            results = self._read()
            results[result.digest, result.machine] = result
            newest = sorted(results.values(), key=lambda result: -result.measured_at)[:_MOST_RESULTS]
            self._results = _by_key(newest)
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(newest)))

    def ratios(self, machine: str) -> list[float]:
        """See `BenchResult.ratio`."""
        return [result.ratio for result in self.all() if result.machine == machine and result.ratio is not None]

    def _read(self) -> dict[tuple[str, str], BenchResult]:
        if self._results is None:
            self._results = _by_key(_read(self._path))
        return self._results


def _by_key(results: Iterable[BenchResult]) -> dict[tuple[str, str], BenchResult]:
    return {(result.digest, result.machine): result for result in results}


def _read(path: Path) -> list[BenchResult]:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_LARGEST_FILE), type=list[BenchResult])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        logger.warning("The kept benchmarks cannot be read and are left out: %s.", error)
        return []
