"""Builds GGUF files and library models for tests."""

import json
import struct
from pathlib import Path

from inference.library.manifests import CONFIG_TYPE, LAYER_PREFIX, MANIFEST_TYPE, Layer
from inference.library.models import Library
from inference.library.names import parse_name

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
_FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}

Value = tuple[int, object]
TINY: dict[str, Value] = {
    "general.architecture": (STRING, "llama"),
    "general.file_type": (U32, 15),
    "llama.context_length": (U32, 2048),
}


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


def u64(number: int) -> bytes:
    return struct.pack("<Q", number)


def string(text: str) -> bytes:
    content = text.encode()
    return u64(len(content)) + content


def value(kind: int, content: object) -> bytes:
    if kind == STRING:
        return string(str(content))
    if kind == ARRAY:
        assert isinstance(content, tuple)
        inner, items = content
        return u32(inner) + u64(len(items)) + b"".join(value(inner, item) for item in items)
    return struct.pack("<" + _FORMATS[kind], content)


def gguf(values: dict[str, Value] = TINY, tensors: dict[str, list[int]] | None = None, *, version: int = 3) -> bytes:
    tensors = {"token_embd.weight": [8, 4]} if tensors is None else tensors
    content = b"GGUF" + u32(version) + u64(len(tensors)) + u64(len(values))
    for key, (kind, item) in values.items():
        content += string(key) + u32(kind) + value(kind, item)
    for name, dimensions in tensors.items():
        content += string(name) + u32(len(dimensions)) + b"".join(map(u64, dimensions)) + u32(0) + u64(0)
    return content


def make_library(folder: Path) -> Library:
    return Library(folder / "models")


def make_model(library: Library, name: str, *, weights: bytes | None = None, extra: dict[str, bytes] | None = None) -> str:
    """Adds a model of a few bytes; the digest of its manifest."""
    blobs = library.blobs
    layers = [blobs.add_bytes(gguf() if weights is None else weights, LAYER_PREFIX + "model")]
    layers += [blobs.add_bytes(content, LAYER_PREFIX + kind) for kind, content in (extra or {}).items()]
    config = blobs.add_bytes(
        json.dumps({"model_format": "gguf", "model_family": "llama", "model_families": None}).encode(), CONFIG_TYPE
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": reference(config),
        "layers": list(map(reference, layers)),
    }
    return library.manifests.write(parse_name(name), json.dumps(manifest).encode())


def reference(layer: Layer) -> dict[str, object]:
    return {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}
