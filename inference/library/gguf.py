"""Reads what a GGUF file says about itself, never its tensors. Safe on hostile files: every count and length is bounded.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from inference.library.errors import GGUFError
from inference.library.tensor_types import tensor_bytes

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_VALUES = 100_000
_MAX_TENSORS = 1_000_000
_MAX_DIMENSIONS = 8
_MAX_KEY_BYTES = 65_535
_MAX_STRING_BYTES = 16 * 1024 * 1024
#: Strings over all arrays; the largest vocabularies have about half a million tokens and merges.
_MAX_ARRAY_STRINGS = 4_000_000
_MAX_NESTING = 4
_KEPT_ELEMENTS = 64
_WINDOW_BYTES = 1024 * 1024
_ALIGNMENT = 32

_STRING, _ARRAY = 8, 9
_SCALARS = {
    number: struct.Struct("<" + code)
    for number, code in {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}.items()
}
_U32, _U64 = _SCALARS[4], _SCALARS[10]
#: llama.cpp, enum llama_pooling_type
_POOLING_RANK = 4

# llama.cpp, enum llama_ftype
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
}  # fmt: skip

#: Architectures of llama.cpp that read a whole text at once and write none.
_ENCODERS = frozenset({
    "bert", "eurobert", "gemma-embedding", "jina-bert-v2", "jina-bert-v3", "modern-bert", "neo-bert", "nomic-bert",
    "nomic-bert-moe", "t5encoder",
})  # fmt: skip


@dataclass(frozen=True)
class LongArray:
    """Stands for an array that was passed over because it is long."""

    length: int


@dataclass(frozen=True)
class GGUFMetadata:
    """`values` holds the key-value pairs of the header; numbers that a hostile file could fake are read through properties."""

    version: int
    num_tensors: int
    #: Elements over all tensors.
    num_parameters: int
    values: dict[str, Any] = field(default_factory=dict)
    #: Of all tensors; never more than the file has.
    tensor_bytes: int = 0
    #: By which the file is shorter than its tensors need.
    missing_bytes: int = 0

    @property
    def architecture(self) -> str:
        value = self.values.get("general.architecture")
        return value if isinstance(value, str) else ""

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for; None when the file does not say."""
        value = self.values.get(f"{self.architecture}.context_length")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def is_embedding(self) -> bool:
        """The model pools its output into one vector and writes no text."""
        return f"{self.architecture}.pooling_type" in self.values or is_encoder(self.architecture)

    @property
    def is_reranker(self) -> bool:
        """The model scores pairs of texts."""
        return self.values.get(f"{self.architecture}.pooling_type") == _POOLING_RANK

    @property
    def embedding_length(self) -> int | None:
        """Numbers in a token's vector; None when the file does not say."""
        value = self.values.get(f"{self.architecture}.embedding_length")
        return value if isinstance(value, int) and value > 0 else None

    @property
    def file_type(self) -> str:
        """The quantization, such as "Q4_K_M"; "unknown" when the file does not say."""
        value = self.values.get("general.file_type")
        return _FILE_TYPES.get(value, "unknown") if isinstance(value, int) else "unknown"


def is_encoder(architecture: str) -> bool:
    """Whether models of this architecture give vectors only, whatever else the file says."""
    return architecture in _ENCODERS


def read_metadata(path: Path) -> GGUFMetadata:
    """Raises `GGUFError` for anything that is no complete GGUF header, and for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            return _Reader(file).read()
    except OSError as error:
        raise GGUFError(f"the file cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Tensor:
    elements: int
    #: From the beginning of the file's data.
    offset: int
    #: In bytes; None for a type that is not known here.
    size: int | None

    @property
    def end(self) -> int:
        return 0 if self.size is None else self.offset + self.size


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._array_strings = 0

    def read(self) -> GGUFMetadata:
        version = self._header()
        num_tensors, num_values = self._number(_U64), self._number(_U64)
        if num_tensors > _MAX_TENSORS or num_values > _MAX_VALUES:
            raise GGUFError("the file claims an impossible number of tensors or values")
        values: dict[str, Any] = {}
        for _ in range(num_values):
            key = self._string(_MAX_KEY_BYTES)
            values[key] = self._value(self._number(_U32), 0)
        tensors = [self._tensor() for _ in range(num_tensors)]
        room = self._size - self._data_start(values)
        return GGUFMetadata(
            version,
            num_tensors,
            sum(tensor.elements for tensor in tensors),
            values,
            tensor_bytes=min(sum(self._size if tensor.size is None else tensor.size for tensor in tensors), self._size),
            missing_bytes=max(0, max((tensor.end for tensor in tensors), default=0) - room),
        )

    def _data_start(self, values: dict[str, Any]) -> int:
        alignment = values.get("general.alignment", _ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= _WINDOW_BYTES:
            alignment = _ALIGNMENT
        return -(-self._file.tell() // alignment) * alignment

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
        if length <= _KEPT_ELEMENTS:
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

    def _tensor(self) -> "_Tensor":
        self._string(_MAX_KEY_BYTES)
        num_dimensions = self._number(_U32)
        if num_dimensions > _MAX_DIMENSIONS:
            raise GGUFError("the file holds a tensor of too many dimensions")
        elements = 1
        for _ in range(num_dimensions):
            elements *= self._number(_U64)
        if elements >= 2**63:
            raise GGUFError("the file holds a tensor of impossible size")
        kind, offset = self._number(_U32), self._number(_U64)
        return _Tensor(elements, offset, tensor_bytes(kind, elements))

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
        return content

    def _skip(self, count: int) -> None:
        position = self._file.tell() + count
        if position > self._size:
            raise GGUFError("the file is cut short")
        self._file.seek(position)
