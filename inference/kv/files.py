"""The file that keeps one sequence's state: a header that can be read by itself, then the bytes llama.cpp gave.

There is no fsync: a file is renamed into place whole, and one that a power cut left incomplete fails its checksums and is
thrown away. It is a cache; waiting for the disk would cost more than it could save.
"""

import fcntl
import os
import struct
import tempfile
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

SUFFIX = ".kv"
TEMPORARY_PREFIX = ".new-"
_MAGIC = b"HEARTHKV"
_VERSION = 1
#: Magic, version, length of the header, checksum of the header.
_PREFIX = struct.Struct("<8sIII")
_LARGEST_CHECKSUM = 2**32 - 1
_MAX_HEADER_BYTES = 64 * 1024 * 1024
_TOKEN_BYTES = 4
#: The length of many bytes is written with so many more than that of none.
_LENGTH_BYTES = 3
#: Where locks tell nothing, an unfinished file that has not grown for so long has nobody who writes it.
_ABANDONED_SECONDS = 600.0


class DamagedFile(Exception):
    """It is no file of ours, or not whole."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """`key` says what the state was computed with, `tokens` are int32 in this machine's order; sizes in bytes.

    Checksums are CRC-32: four times as fast here as BLAKE2 (92 MB, a conversation of 4,000 tokens, in 23 ms), and what they
    have to find is damage, not malice: who can write here can change Hearth itself.
    """

    key: str
    scope: str
    tokens: bytes
    payload_size: int
    payload_checksum: int


def largest_size(key: str, scope: str, num_tokens: int, payload_size: int) -> int:
    """Bytes that a file with such a content has at most; few more than it has."""
    header = Header(key=key, scope=scope, tokens=b"", payload_size=payload_size, payload_checksum=_LARGEST_CHECKSUM)
    content_size = len(msgspec.msgpack.encode(header)) + _LENGTH_BYTES + _TOKEN_BYTES * num_tokens
    return _PREFIX.size + content_size + payload_size


def write_file(path: Path, header: Header, payload: bytearray, is_wanted: Callable[[], bool] = lambda: True) -> bool:
    """The file is there whole when this returns True, or not at all. False when somebody has deleted it while it was being
    written, or `is_wanted`, asked at the end, says so. Raises `OSError`."""
    content = msgspec.msgpack.encode(header)
    descriptor, unfinished = _begin(path.parent)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _write_all(file, _PREFIX.pack(_MAGIC, _VERSION, len(content), zlib.crc32(content)) + content)
            _write_all(file, payload)
            if is_wanted():
                unfinished.replace(path)
                return True
    except FileNotFoundError:
        return False
    except BaseException:
        _unlink(unfinished)
        raise
    _unlink(unfinished)
    return False


def delete_abandoned(path: Path) -> bool:
    """Deletes an unfinished file unless somebody is writing it; whether it is gone. A writer holds a lock, which the kernel
    takes from it when it ends, however it ends. Raises `OSError`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if _is_being_written(descriptor):
            return False
        # While it is locked here, nobody takes it for his own: see `_begin`.
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def read_header(path: Path, *, is_unfinished: bool = False) -> Header:
    """Raises `DamagedFile`, or `OSError`. Of an unfinished file, some of the payload may be missing."""
    with path.open("rb", buffering=0) as file:
        return _read_header(file, is_unfinished=is_unfinished)


def read_payload(path: Path, key: str) -> bytearray:
    """Raises `DamagedFile`, also when the file was written for another key, or `OSError`."""
    with path.open("rb", buffering=0) as file:
        header = _read_header(file)
        if header.key != key:
            raise DamagedFile("it was written for another model or other settings")
        payload = _read_exactly(file, header.payload_size)
    if zlib.crc32(payload) != header.payload_checksum:
        raise DamagedFile("its content does not fit its checksum")
    return payload


def _begin(folder: Path) -> tuple[int, Path]:
    """A new file, locked by its descriptor. Raises `OSError`."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=folder)
        with suppress(OSError):
            # Not every file system has locks.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        # Somebody found it before it was locked, and took it for abandoned.
        os.close(descriptor)


def _is_being_written(descriptor: int) -> bool:
    """If not, it is locked for the caller."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return time.time() - os.fstat(descriptor).st_mtime < _ABANDONED_SECONDS
    return False


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _read_header(file: BinaryIO, *, is_unfinished: bool = False) -> Header:
    magic, version, size, checksum = _PREFIX.unpack(_read_exactly(file, _PREFIX.size))
    if (magic, version) != (_MAGIC, _VERSION) or size > _MAX_HEADER_BYTES:
        raise DamagedFile("it is no state file of this version")
    content = _read_exactly(file, size)
    if zlib.crc32(content) != checksum:
        raise DamagedFile("its header does not fit its checksum")
    try:
        header = msgspec.msgpack.decode(content, type=Header)
    except msgspec.DecodeError:
        raise DamagedFile("its header cannot be read") from None
    if not is_unfinished and header.payload_size != os.fstat(file.fileno()).st_size - _PREFIX.size - size:
        raise DamagedFile("it is not whole")
    return header


def _read_exactly(file: BinaryIO, size: int) -> bytearray:
    buffer = bytearray(size)
    view, done = memoryview(buffer), 0
    while done < size:
        count = file.readinto(view[done:])  # type: ignore[attr-defined]  # a raw file
        if not count:
            raise DamagedFile("it is not whole")
        done += count
    return buffer


def _write_all(file: BinaryIO, content: bytes | bytearray) -> None:
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]
