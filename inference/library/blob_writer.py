"""A blob that is being written: its name is known when all of it is there."""

import errno
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from inference.errors import NotEnoughDisk
from inference.library.atomic import sync_folder
from inference.library.errors import LibraryError
from inference.library.manifests import Layer
from inference.sizes import human_size


class BlobWriter:
    """Writes beside the blobs and takes its name with `commit`; what is not committed when the block ends is gone.

    Everything raises `NotEnoughDisk` when the disk is full, and `LibraryError` when it cannot be written otherwise.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hash = hashlib.sha256()
        self._path: Path | None = None
        self.size = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=".new-", dir=folder)
        except OSError as error:
            raise _failure(error) from error
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "wb")

    def __enter__(self) -> "BlobWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._file.close()
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    @property
    def digest(self) -> str:
        """Of what has been written so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, content: bytes | bytearray | memoryview) -> None:
        try:
            self._file.write(content)
        except OSError as error:
            raise _failure(error) from error
        self._hash.update(content)
        self.size += len(content)

    def commit(self, media_type: str) -> Layer:
        """The blob is in the library from now on, also after a power cut."""
        assert self._path is not None, "a blob is committed once"
        digest = self.digest
        try:
            self._file.flush()
            os.fchmod(self._file.fileno(), 0o644)
            os.fsync(self._file.fileno())
            self._path.replace(self._folder / digest.replace(":", "-"))
            self._path = None
            sync_folder(self._folder)
        except OSError as error:
            raise _failure(error) from error
        return Layer(media_type=media_type, digest=digest, size=self.size)


def check_room(folder: Path, num_bytes: int) -> None:
    """Raises `NotEnoughDisk` when that much does not fit where the folder is, or will be."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if num_bytes > free:
        raise NotEnoughDisk(
            f"not enough disk space: {human_size(num_bytes)} are needed, and {human_size(free)} are free in the models "
            "folder: delete models, or set OLLAMA_MODELS to a larger disk"
        )


def _failure(error: OSError) -> NotEnoughDisk | LibraryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NotEnoughDisk("the disk of the models folder is full: free some space and try again")
    return LibraryError(f"the models folder cannot be written: {error.strerror}")
