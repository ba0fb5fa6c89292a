"""Models split over several GGUF files, as llama.cpp's `gguf-split` names them: `<name>-00001-of-00003.gguf`."""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.library.blob_writer import BlobWriter
from inference.library.blobs import Advance
from inference.library.errors import GGUFError, LibraryError
from inference.library.gguf_reader import Header, TensorInfo, read_header

_PART = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})(\.gguf)\Z", re.IGNORECASE | re.DOTALL)
_KEYS = ("split.no", "split.count", "split.tensors.count")
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Part:
    """What a file's name says: part `number` of `count`, counted from 1."""

    name: str
    number: int
    count: int


def part_of(file_name: str) -> Part | None:
    """None for a file that is whole by its name."""
    match = _PART.match(file_name)
    if match is None or not 1 <= int(match[2]) <= int(match[3]):
        return None
    return Part(match[1] + match[4], int(match[2]), int(match[3]))


def in_order(parts: Sequence[tuple[Part, Path]]) -> list[Path]:
    """Raises `LibraryError` naming the first part that is missing."""
    numbered = {part.number: path for part, path in parts}
    part = parts[0][0]
    missing = next((number for number in range(1, part.count + 1) if number not in numbered), None)
    if missing is not None:
        raise LibraryError(f"part {missing} of {part.count} of {part.name} is missing")
    return [numbered[number] for number in sorted(numbered)]


def merge_parts(paths: Sequence[Path], target: BlobWriter, advance: Advance | None = None) -> None:
    """Writes one GGUF file that holds what all parts, in their order, hold. `advance` hears of bytes that were written.

    Raises `GGUFError` for parts that do not belong together or are cut short, and what `target` raises.
    """
    headers = [read_header(path) for path in paths]
    _check(headers)
    alignment = headers[0].alignment
    placed = _place([tensor for header in headers for tensor in header.tensors], alignment)
    head = _head(paths[0], headers[0], placed)
    target.write(head + bytes(-len(head) % alignment))
    for path, header in zip(paths, headers, strict=True):
        _copy_tensors(path, header, target, alignment, advance)


def _check(headers: Sequence[Header]) -> None:
    names: set[str] = set()
    for number, header in enumerate(headers):
        if header.values.get("split.count") != len(headers) or header.values.get("split.no") != number:
            raise GGUFError(f"part {number + 1} of the split model does not belong to the others")
        if header.missing_bytes:
            raise GGUFError(f"part {number + 1} of the split model is cut short")
        if any(tensor.size is None for tensor in header.tensors):
            raise GGUFError("the split model holds tensors of a type that Hearth does not know")
        names |= {tensor.name for tensor in header.tensors}
    if len(names) != sum(len(header.tensors) for header in headers):
        raise GGUFError("the parts of the split model hold the same tensor twice")


def _place(tensors: Sequence[TensorInfo], alignment: int) -> list[tuple[TensorInfo, int]]:
    """Each tensor with where it will lie."""
    placed, offset = [], 0
    for tensor in tensors:
        placed.append((tensor, offset))
        size = tensor.size or 0
        offset += size + -size % alignment
    return placed


def _head(path: Path, header: Header, placed: Sequence[tuple[TensorInfo, int]]) -> bytes:
    """The values stay, to the byte, as the first part has them."""
    spans = [span for key, span in header.spans.items() if key not in _KEYS]
    head = bytearray(b"GGUF" + struct.pack("<IQQ", header.version, len(placed), len(spans)))
    with path.open("rb") as file:
        for start, end in spans:
            file.seek(start)
            head += file.read(end - start)
    for tensor, offset in placed:
        name = tensor.name.encode()
        head += struct.pack("<Q", len(name)) + name
        head += struct.pack(f"<I{len(tensor.dimensions)}Q", len(tensor.dimensions), *tensor.dimensions)
        head += struct.pack("<IQ", tensor.kind, offset)
    return bytes(head)


def _copy_tensors(path: Path, header: Header, target: BlobWriter, alignment: int, advance: Advance | None) -> None:
    with path.open("rb") as file:
        for tensor in header.tensors:
            file.seek(header.data_start + tensor.offset)
            rest = size = tensor.size or 0
            while rest:
                chunk = file.read(min(rest, _CHUNK_BYTES))
                if not chunk:
                    raise GGUFError("the split model changed while it was being read")
                target.write(chunk)
                rest -= len(chunk)
                if advance is not None:
                    advance(len(chunk))
            target.write(bytes(-size % alignment))
