"""The file that keeps one sequence's state: a header that can be read by itself, then the bytes llama.cpp gave.

There is no fsync: a file is renamed into place whole, and one that a power cut left incomplete fails its checksums and is
thrown away. It is a cache; waiting for the disk would cost more than it could save.
"""

import os
import struct
import tempfile
import zlib
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
_MAX_HEADER_BYTES = 64 * 1024 * 1024


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


def write_file(path: Path, header: Header, payload: bytearray) -> None:
    """The file is there whole when this returns, or not at all. Raises `OSError`."""
    content = msgspec.msgpack.encode(header)
    descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _write_all(file, _PREFIX.pack(_MAGIC, _VERSION, len(content), zlib.crc32(content)) + content)
            _write_all(file, payload)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def read_header(path: Path) -> Header:
    """Raises `DamagedFile`, or `OSError`."""
    with path.open("rb", buffering=0) as file:
        return _read_header(file)


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


def _read_header(file: BinaryIO) -> Header:
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
    if header.payload_size != os.fstat(file.fileno()).st_size - _PREFIX.size - size:
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
