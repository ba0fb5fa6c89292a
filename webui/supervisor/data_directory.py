"""The data directory: made private, found writable, and held by one supervisor at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webui.env import ConfigurationError
from webui.paths import data_dir, run_dir, static_root


class DataDirectoryInUse(ConfigurationError):
    """Another supervisor already serves this data directory."""


def prepare_data_directory() -> None:
    """Make the data directory and its folders with mode 700.

    Raises ConfigurationError with one sentence when one cannot be made or written.
    """
    for folder in (data_dir(), run_dir(), static_root()):
        _make_private(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _unusable(folder, "it is not writable for this user")


def _make_private(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
    except FileExistsError:
        raise _unusable(folder, "a file is in its place") from None
    except OSError as error:
        raise _unusable(folder, (error.strerror or str(error)).lower()) from None


def _unusable(folder: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"Hearth cannot keep its data in {folder}: {reason}. Make that directory writable, or set HEARTH_DATA to another one."
    )


@contextmanager
def held_data_directory() -> Iterator[None]:
    """Lock the data directory; the lock ends with the process at the latest.

    Two sites on one database and one socket would damage each other. Raises DataDirectoryInUse.
    """
    descriptor = os.open(run_dir() / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
        os.truncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
        raise DataDirectoryInUse(
            f"Hearth is already running on {data_dir()} (process {holder}). Stop it, or set HEARTH_DATA to another directory."
        ) from None
