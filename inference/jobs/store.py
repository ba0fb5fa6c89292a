"""The files that jobs are kept in: one a job, each written whole or not at all."""

import logging
from contextlib import suppress
from pathlib import Path

import msgspec

from inference.errors import LibraryFailed
from inference.jobs.job import KeptJob
from inference.library.atomic import write_atomically
from inference.library.errors import LibraryError

_MAX_BYTES = 4 * 1024 * 1024

logger = logging.getLogger(__name__)


class JobStore:
    """The folder `HEARTH_DATA/jobs`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> list[KeptJob]:
        """The oldest first. A file that cannot be read is left where it is, and the log names it."""
        kept = [job for path in self._files() if (job := _read(path)) is not None]
        return sorted(kept, key=lambda entry: (entry.job.created_at, entry.job.id))

    def save(self, job_id: str, content: bytes) -> None:
        """Raises `LibraryFailed`."""
        try:
            write_atomically(self._path(job_id), content)
        except LibraryError as error:
            reason = getattr(error.__cause__, "strerror", None) or "the disk refuses it"
            raise LibraryFailed(f"What runs cannot be written down in HEARTH_DATA: {reason}.") from error

    def remove(self, job_id: str) -> None:
        with suppress(OSError):
            self._path(job_id).unlink(missing_ok=True)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.json"

    def _files(self) -> list[Path]:
        """Without what a killed process was just writing, which goes."""
        with suppress(OSError):
            for path in self._folder.glob(".new-*"):
                path.unlink(missing_ok=True)
            return list(self._folder.glob("[!.]*.json"))
        return []


def _read(path: Path) -> KeptJob | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        kept = msgspec.json.decode(path.read_bytes(), type=KeptJob)
        if kept.job.id != path.stem:
            raise ValueError("it is named after another job")
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("The job in %s is left out: %s.", path, str(error).rstrip("."))
        return None
    return kept
