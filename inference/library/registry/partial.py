"""What there is of a blob while it is being downloaded, in Ollama's form, so that either can go on with what the other began.

`blobs/sha256-<hex>-partial` is a sparse file of the whole length; `…-partial-<n>` says in JSON which part of it is there:
`{"N": n, "Offset": bytes, "Size": bytes, "Completed": bytes}`. A part's state is written after the bytes it speaks of, so a
process that is killed loses at most what it had not yet written.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from inference.library.atomic import sync_folder

_SMALLEST_PART = 4 * 1024**2
_LARGEST_PART = 256 * 1024**2
_USUAL_PARTS = 32
_MOST_PARTS = 65_536
#: That the kernel takes in one call.
_MOST_BUFFERS = 1024
#: Always as long, so that a state is replaced in one write.
_STATE_BYTES = 128


class _State(msgspec.Struct):
    number: int = msgspec.field(name="N")
    offset: int = msgspec.field(name="Offset")
    size: int = msgspec.field(name="Size")
    completed: int = msgspec.field(name="Completed")


_decoder = msgspec.json.Decoder(_State)


@dataclass
class Part:
    """Bytes `offset` to `offset + size` of the blob, of which the first `completed` are there."""

    number: int
    offset: int
    size: int
    completed: int = 0

    @property
    def position(self) -> int:
        return self.offset + self.completed

    @property
    def end(self) -> int:
        return self.offset + self.size

    @property
    def remaining(self) -> int:
        return self.size - self.completed


class Partial:
    """Raises `OSError` from everything that touches the disk. Parts may be written from several threads, each from one."""

    def __init__(self, blob: Path, total: int) -> None:
        """Goes on with what is there, if it is of one piece; else begins anew."""
        self._blob = blob
        self._path = blob.with_name(f"{blob.name}-partial")
        self._total = total
        self.parts = self._read_parts()
        self.is_resumed = any(part.completed for part in self.parts)
        if not self.parts:
            self.discard()
            self.parts = plan_parts(total)
        blob.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.ftruncate(self._descriptor, total)
        for part in self.parts:
            self._save(part)

    @property
    def completed(self) -> int:
        return sum(part.completed for part in self.parts)

    @property
    def contiguous(self) -> int:
        """Bytes from the beginning up to the first that is missing."""
        for part in self.parts:
            if part.remaining:
                return part.position
        return self._total

    def write(self, part: Part, chunks: list[bytes]) -> None:
        """The bytes that follow those of this part that are there."""
        part.completed = self._write_at(part.position, chunks) - part.offset
        self._save(part)

    def write_from_beginning(self, position: int, chunks: list[bytes]) -> int:
        """For a download in one piece: all before `position` is there already. The position after these bytes."""
        end = self._write_at(position, chunks)
        for part in self.parts:
            if part.offset < end and part.position < end:
                part.completed = min(end, part.end) - part.offset
                self._save(part)
        return end

    def read_into(self, buffer: bytearray, position: int) -> int:
        """How many bytes were read."""
        return os.preadv(self._descriptor, [buffer], position)

    def finish(self) -> None:
        """The whole becomes the blob, at once, so that it outlives a power cut."""
        os.fsync(self._descriptor)
        self.close()
        self._path.replace(self._blob)
        sync_folder(self._blob.parent)
        self._remove_states()

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)
        self._remove_states()

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write_at(self, position: int, chunks: list[bytes]) -> int:
        """The position after them."""
        end = position + sum(map(len, chunks))
        position += os.pwritev(self._descriptor, chunks[:_MOST_BUFFERS], position)
        if position < end:
            rest = memoryview(b"".join(chunks))[position - end :]
            while rest:
                written = os.pwrite(self._descriptor, rest, position)
                rest, position = rest[written:], position + written
        return end

    def _save(self, part: Part) -> None:
        state = msgspec.json.encode(_State(part.number, part.offset, part.size, part.completed))
        descriptor = os.open(self._state_path(part.number), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(descriptor, state.ljust(_STATE_BYTES), 0)
        finally:
            os.close(descriptor)

    def _state_path(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}-{number}")

    def _read_parts(self) -> list[Part]:
        """Empty unless the states cover the whole blob without gap or overlap and the file is there."""
        return read_parts(self._path, self._total)

    def _remove_states(self) -> None:
        for path in _state_paths(self._path):
            with contextlib.suppress(OSError):
                path.unlink()


def plan_parts(total: int) -> list[Part]:
    """Parts as large as keeps their number low, and as small as keeps what one can lose low."""
    size = min(max(-(-total // _USUAL_PARTS), _SMALLEST_PART), _LARGEST_PART)
    return [Part(index, offset, min(size, total - offset)) for index, offset in enumerate(range(0, total, size))]


def discard_partial(blob: Path) -> None:
    """Removes what an interrupted download of a blob left behind."""
    partial = blob.with_name(f"{blob.name}-partial")
    for path in (partial, *_state_paths(partial)):
        with contextlib.suppress(OSError):
            path.unlink()


def completed_bytes(blob: Path, total: int) -> int:
    """How much of a blob an interrupted download left behind."""
    return sum(part.completed for part in read_parts(blob.with_name(f"{blob.name}-partial"), total))


def read_parts(path: Path, total: int) -> list[Part]:
    """In order of their offsets; empty when they cannot be gone on with."""
    if not path.is_file():
        return []
    try:
        parts = sorted((_read_state(state) for state in _state_paths(path)), key=lambda part: part.offset)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []
    end = 0
    for part in parts:
        if part.offset != end or part.size <= 0 or not 0 <= part.completed <= part.size:
            return []
        end = part.end
    return parts if end == total else []


def _read_state(path: Path) -> Part:
    with path.open("rb") as file:
        state = _decoder.decode(file.read(4096))
    return Part(state.number, state.offset, state.size, state.completed)


def _state_paths(path: Path) -> Iterator[Path]:
    prefix = f"{path.name}-"
    try:
        entries = list(os.scandir(path.parent))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(prefix) and entry.name[len(prefix) :].isdecimal():
            yield Path(entry.path)
