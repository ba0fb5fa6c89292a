"""Blobs: immutable files named by the sha256 of what they hold, `blobs/sha256-<hex>`, as Ollama keeps them."""

import fcntl
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from inference.library.atomic import new_file, sync_folder, write_atomically
from inference.library.errors import DamagedModel, LibraryError
from inference.library.manifests import Layer

_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})\Z")
_CHUNK_BYTES = 1024 * 1024
_CHANGED = "the model file changed while it was being read: try again when it is complete"
#: ioctl number of Linux to share the blocks of a file (`linux/fs.h`).
_FICLONE = 0x40049409


#: Is told how many bytes more are done.
Advance = Callable[[int], None]


class BlobStore:
    """The `blobs` folder below the models folder."""

    def __init__(self, models_dir: Path) -> None:
        self.root = models_dir / "blobs"

    def path(self, digest: str) -> Path:
        """Raises `DamagedModel` for anything but `sha256:<64 hex digits>`: a digest comes from files others wrote."""
        match = _DIGEST.match(digest)
        if match is None:
            raise DamagedModel("it names a blob by an invalid digest")
        return self.root / f"sha256-{match[1]}"

    def digest_of(self, path: Path) -> str:
        """`sha256:<hex>` of a blob's path; empty for a file that is none."""
        digest = path.name.replace("-", ":", 1)
        return digest if path.parent == self.root and _DIGEST.match(digest) else ""

    def check(self, layer: Layer) -> Path:
        """The path of a blob that is there with the size the manifest gives. Raises `DamagedModel`."""
        path = self.path(layer.digest)
        try:
            size = os.stat(path).st_size  # noqa: PTH116 - called some thousand times for one listing
        except OSError:
            raise DamagedModel(f"its {layer.kind} blob is missing") from None
        if size != layer.size:
            raise DamagedModel(f"its {layer.kind} blob has {size} bytes, not {layer.size}")
        return path

    def add_bytes(self, content: bytes, media_type: str) -> Layer:
        """Raises `LibraryError`."""
        layer = Layer(media_type=media_type, digest=f"sha256:{hashlib.sha256(content).hexdigest()}", size=len(content))
        if not self._has(layer):
            write_atomically(self.path(layer.digest), content)
        return layer

    def add_file(self, source: Path, media_type: str, advance: Advance | None = None) -> Layer:
        """Takes a file in by hard link, else by shared blocks, else by copy; `source` is read once and stays.

        `advance` hears how many bytes were read since it was last called; what it raises ends the work. Raises
        `LibraryError`, also for a file that changes meanwhile; then nothing half-written is left.
        """
        before = _stamp(source)
        digest, size = _hash(source, advance)
        layer = Layer(media_type=media_type, digest=digest, size=size)
        if _stamp(source) != before:
            raise LibraryError(_CHANGED)
        if not self._has(layer) and not self._link(source, self.path(layer.digest), before):
            self._copy(source, layer, before)
        return layer

    def _has(self, layer: Layer) -> bool:
        with suppress(DamagedModel):
            self.check(layer)
            return True
        return False

    def _link(self, source: Path, target: Path, stamp: tuple[int, int, int]) -> bool:
        """A blob of the right name and the wrong size is replaced. False where it cannot be, or another file lies there now."""
        temporary = target.with_name(f".new-{os.getpid()}-{target.name[-16:]}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source.resolve(), temporary)
            if _stamp(temporary) != stamp:
                temporary.unlink()
                return False
            temporary.replace(target)
            sync_folder(target.parent)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            return False
        return True

    def _copy(self, source: Path, layer: Layer, stamp: tuple[int, int, int]) -> None:
        copied = hashlib.sha256()
        with new_file(self.path(layer.digest)) as target, source.open("rb") as file:
            try:
                fcntl.ioctl(target.fileno(), _FICLONE, file.fileno())
            except OSError:
                pass
            else:
                if _stamp(source) != stamp:
                    raise LibraryError(_CHANGED)
                return
            while chunk := file.read(_CHUNK_BYTES):
                target.write(chunk)
                copied.update(chunk)
            if f"sha256:{copied.hexdigest()}" != layer.digest:
                raise LibraryError(_CHANGED)


def _stamp(source: Path) -> tuple[int, int, int]:
    """Another one when the file was written to or replaced. Raises `LibraryError`."""
    try:
        stat = source.stat()
    except OSError as error:
        raise LibraryError(f"the model file cannot be read: {error.strerror}") from error
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _hash(source: Path, advance: Advance | None) -> tuple[str, int]:
    """The digest and the size. Raises `LibraryError`."""
    found, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
                size += len(chunk)
                if advance is not None:
                    advance(len(chunk))
    except OSError as error:
        raise LibraryError(f"the model file cannot be read: {error.strerror}") from error
    return f"sha256:{found.hexdigest()}", size
