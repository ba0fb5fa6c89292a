"""Reads safetensors files: a length, that many bytes of JSON that say where each tensor lies, then the tensors.

Format: https://huggingface.co/docs/safetensors. Nothing the header says is believed before it is checked.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.conversion.errors import ConversionError

_MAX_HEADER_BYTES = 100 * 1024 * 1024
_MAX_DIMENSIONS = 8
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


@dataclass(frozen=True)
class Tensor:
    name: str
    #: "F32", "F16" or "BF16".
    kind: str
    shape: tuple[int, ...]
    path: Path
    offset: int

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * _TYPES[self.kind].itemsize

    def read(self) -> np.ndarray[Any, Any]:
        """From the file, as it is used. Numbers of the kind "BF16" are the upper halves of float32."""
        return np.memmap(self.path, _TYPES[self.kind], "r", self.offset, self.shape)

    def as_floats(self) -> np.ndarray[Any, Any]:
        array = self.read()
        if self.kind == "BF16":
            return (array.astype(np.uint32) << 16).view(np.float32)
        return array.astype(np.float32)


def read_tensors(path: Path) -> list[Tensor]:
    """Raises `ConversionError`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise ConversionError("one of its files is not in safetensors format")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise ConversionError("one of its files is not in safetensors format") from None
    if not isinstance(header, dict):
        raise ConversionError("one of its files is not in safetensors format")
    header.pop("__metadata__", None)
    return [_tensor(name, entry, path, 8 + length, size) for name, entry in header.items() if not _is_table(entry)]


def _is_table(entry: Any) -> bool:
    """Whole numbers are no weights: BERT's files hold the positions 0, 1, 2 and so on."""
    return isinstance(entry, dict) and entry.get("dtype") == "I64"


def _tensor(name: str, entry: Any, path: Path, start: int, size: int) -> Tensor:
    shown = name[:100]
    try:
        kind, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise ConversionError(f"the tensor {shown} is not described as the format says") from None
    if kind not in _TYPES:
        raise ConversionError(f"the tensor {shown} holds {str(kind)[:20]}, which cannot be converted; F32, F16 and BF16 can")
    numbers = (*shape, begin, end)
    if len(shape) > _MAX_DIMENSIONS or not all(type(number) is int and 0 <= number < 2**60 for number in numbers):
        raise ConversionError(f"the tensor {shown} has an impossible shape")
    tensor = Tensor(name, kind, shape, path, start + begin)
    if end - begin != tensor.num_bytes or start + end > size or not tensor.num_bytes:
        raise ConversionError(f"the tensor {shown} does not have the size its shape needs; is the file whole?")
    return tensor
