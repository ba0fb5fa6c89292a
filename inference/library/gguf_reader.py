"""Reads the header of a GGUF file. Safe on hostile files: every count and length is bounded.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import math
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from inference.library.errors import GGUFError
from inference.library.tensor_types import tensor_bytes

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_VALUES = 100_000
_MAX_TENSORS = 200_000
_MAX_DIMENSIONS = 8
_MAX_KEY_BYTES = 65_535
_MAX_STRING_BYTES = 16 * 1024 * 1024
#: Strings over all arrays; the largest vocabularies have about half a million tokens and merges.
_MAX_ARRAY_STRINGS = 4_000_000
_MAX_NESTING = 4
_KEPT_ELEMENTS = 64
#: As Python holds them: arrays that a caller asked to be kept whole, and everything.
_MAX_KEPT_BYTES, _MAX_HEADER_BYTES = 128 * 1024 * 1024, 256 * 1024 * 1024
#: What Python adds to every number and text.
_OBJECT_BYTES = 40
_WINDOW_BYTES = 1024 * 1024
_ALIGNMENT = 32

_STRING, _ARRAY = 8, 9
_SCALARS = {
    number: struct.Struct("<" + code)
    for number, code in {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}.items()
}
_U32, _U64 = _SCALARS[4], _SCALARS[10]


@dataclass(frozen=True)
class LongArray:
    """Stands for an array that was passed over because it is long."""

    length: int


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One entry of the file's list of tensors."""

    name: str
    dimensions: tuple[int, ...]
    #: ggml's number of the type of its elements.
    kind: int
    #: From the beginning of the file's data.
    offset: int
    num_elements: int
    #: In bytes; None for a type that is not known here.
    size: int | None

    @property
    def end(self) -> int:
        return 0 if self.size is None else self.offset + self.size


@dataclass(frozen=True)
class Header:
    """Everything before the tensors' data. A file may claim what it likes: no number here is to be trusted."""

    version: int
    values: dict[str, Any]
    tensors: list[TensorInfo]
    #: Where each key with its value lies in the file: its first byte and the one after its last.
    spans: dict[str, tuple[int, int]]
    file_size: int
    #: Where the tensors' data begin.
    data_start: int
    alignment: int

    @property
    def tensor_bytes(self) -> int:
        """Of all tensors; never more than the file has."""
        return min(sum(self.file_size if tensor.size is None else tensor.size for tensor in self.tensors), self.file_size)

    def bytes_of(self, name: str) -> int:
        """Of the tensor of that name; 0 where there is none, or where its size is not known."""
        size = next((tensor.size for tensor in self.tensors if tensor.name == name), None)
        return min(size or 0, self.tensor_bytes)

    @property
    def missing_bytes(self) -> int:
        """By which the file is shorter than its tensors need."""
        if not self.tensors:
            return 0
        return max(0, max(tensor.end for tensor in self.tensors) - (self.file_size - self.data_start))


def read_header(path: Path, *, kept_elements: int = _KEPT_ELEMENTS) -> Header:
    """Arrays of more than `kept_elements` become `LongArray`, and so does whatever goes beyond some 128 MB of them.

    Raises `GGUFError` for anything that is no complete header, and for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            return _Reader(file, kept_elements).read()
    except OSError as error:
        raise GGUFError(f"the file cannot be read: {error.strerror}") from error


def read_beginning(content: bytes) -> dict[str, Any]:
    """The values that the first bytes of a file hold whole: most writers put what describes the model before its vocabulary.

    Raises `GGUFError` for what is not the beginning of a GGUF file."""
    values: dict[str, Any] = {}
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        reader = _Reader(file, _KEPT_ELEMENTS)
        _version, _num_tensors, num_values = reader.read_counts()
        with suppress(GGUFError):
            # What came before the error stays.
            values.update(reader.read_values(num_values))
    return values


class _Reader:
    def __init__(self, file: BinaryIO, kept_elements: int) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._kept_elements = kept_elements
        self._array_strings = 0
        self._kept_bytes = 0

    def read(self) -> Header:
        version, num_tensors, num_values = self.read_counts()
        values: dict[str, Any] = {}
        spans = {}
        start = self._file.tell()
        for key, value in self.read_values(num_values):
            values[key] = value
            spans[key] = start, self._file.tell()
            start = self._file.tell()
        tensors = [self._tensor() for _ in range(num_tensors)]
        alignment = _alignment(values)
        data_start = -(-self._file.tell() // alignment) * alignment
        return Header(version, values, tensors, spans, self._size, data_start, alignment)

    def read_counts(self) -> tuple[int, int, int]:
        """The version, and how many tensors and values the file claims to have."""
        version = self._header()
        num_tensors, num_values = self._number(_U64), self._number(_U64)
        if num_tensors > _MAX_TENSORS or num_values > _MAX_VALUES:
            raise GGUFError("the file claims an impossible number of tensors or values")
        return version, num_tensors, num_values

    def read_values(self, count: int) -> Iterator[tuple[str, Any]]:
        for _ in range(count):
            key = self._string(_MAX_KEY_BYTES)
            yield key, self._value(self._number(_U32), 0)

    def _header(self) -> int:
        if self._bytes(4) != _MAGIC:
            raise GGUFError("the file is not in GGUF format")
        version: int = self._number(_U32)
        if version not in _VERSIONS:
            is_swapped = int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS
            detail = "big-endian" if is_swapped else f"version {version}"
            raise GGUFError(f"the file is in a kind of GGUF that Hearth cannot read ({detail})")
        return version

    def _value(self, kind: int, depth: int) -> Any:
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return self._number(scalar)
        if kind == _STRING:
            return self._string(_MAX_STRING_BYTES)
        if kind == _ARRAY and depth < _MAX_NESTING:
            return self._array(depth)
        raise GGUFError("the file holds a value of an unknown type")

    def _array(self, depth: int) -> list[Any] | LongArray:
        kind, length = self._number(_U32), self._number(_U64)
        if length <= _KEPT_ELEMENTS or (length <= self._kept_elements and self._kept_bytes < _MAX_KEPT_BYTES):
            return [self._value(kind, depth + 1) for _ in range(length)]
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            self._skip(length * scalar.size)
        elif kind == _STRING:
            self._skip_strings(length)
        else:
            raise GGUFError("the file holds an array of an unknown type")
        return LongArray(length)

    def _skip_strings(self, count: int) -> None:
        """Passes over `count` strings, looking at the file through a window: a vocabulary has some 100,000 of them."""
        self._array_strings += count
        if self._array_strings > _MAX_ARRAY_STRINGS:
            raise GGUFError("the file claims an impossible number of strings")
        start = self._file.tell()
        window, offset = self._file.read(_WINDOW_BYTES), 0
        for _ in range(count):
            if offset + 8 > len(window):
                start += offset
                if start > self._size:
                    raise GGUFError("the file is cut short")
                self._file.seek(start)
                window, offset = self._file.read(_WINDOW_BYTES), 0
                if len(window) < 8:
                    raise GGUFError("the file is cut short")
            offset += 8 + _U64.unpack_from(window, offset)[0]
        if start + offset > self._size:
            raise GGUFError("the file is cut short")
        self._file.seek(start + offset)

    def _tensor(self) -> TensorInfo:
        name = self._string(_MAX_KEY_BYTES)
        num_dimensions = self._number(_U32)
        if num_dimensions > _MAX_DIMENSIONS:
            raise GGUFError("the file holds a tensor of too many dimensions")
        dimensions = tuple(self._number(_U64) for _ in range(num_dimensions))
        num_elements = math.prod(dimensions)
        if num_elements >= 2**63:
            raise GGUFError("the file holds a tensor of impossible size")
        kind, offset = self._number(_U32), self._number(_U64)
        return TensorInfo(name, dimensions, kind, offset, num_elements, tensor_bytes(kind, num_elements))

    def _string(self, longest: int) -> str:
        length = self._number(_U64)
        if length > longest:
            raise GGUFError("the file holds a string of impossible length")
        return self._bytes(length).decode("utf-8", errors="replace")

    def _number(self, kind: struct.Struct) -> Any:
        return kind.unpack(self._bytes(kind.size))[0]

    def _bytes(self, count: int) -> bytes:
        content = self._file.read(count)
        if len(content) < count:
            raise GGUFError("the file is cut short")
        self._kept_bytes += count + _OBJECT_BYTES
        if self._kept_bytes > _MAX_HEADER_BYTES:
            raise GGUFError("the file has a header of impossible size")
        return content

    def _skip(self, count: int) -> None:
        position = self._file.tell() + count
        if position > self._size:
            raise GGUFError("the file is cut short")
        self._file.seek(position)


def _alignment(values: dict[str, Any]) -> int:
    alignment = values.get("general.alignment", _ALIGNMENT)
    return alignment if isinstance(alignment, int) and 0 < alignment <= _WINDOW_BYTES else _ALIGNMENT
