"""What a registry says of a model: its manifest, its config, and the beginning of its weights, which is their header."""

import asyncio
import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from inference.errors import RegistryError
from inference.estimate import guess
from inference.estimate.speed import active_share
from inference.estimate.subject import Subject
from inference.library.errors import DamagedModel, GGUFError
from inference.library.gguf import GGUFMetadata
from inference.library.gguf_reader import read_beginning
from inference.library.manifests import Layer, Manifest
from inference.library.models import Library, ModelConfig
from inference.library.registry.registry import Registry
from inference.library.shape import read_shape

#: What describes a model stands before its vocabulary, in the first few thousand bytes.
_BEGINNING_BYTES = 64 * 1024
_LARGEST_CONFIG = 256 * 1024
_FACTORS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


@dataclass(frozen=True, kw_only=True)
class RemoteModel:
    name: str
    #: Of all files; of those that are not here yet.
    size: int
    missing_bytes: int
    #: Without the tensors, which were not looked at.
    metadata: GGUFMetadata
    file_type: str

    def subject(self, context: int) -> Subject:
        shape = read_shape(self.metadata)
        if shape.num_layers == 0:
            shape = guess.guess_shape(parameters=self.metadata.num_parameters, size=self.size)
        return Subject(
            name=self.name,
            shape=dataclasses.replace(shape, weight_bytes=self.size),
            size=self.size,
            download_bytes=self.missing_bytes,
            parameters=self.metadata.num_parameters,
            quantization=self.file_type,
            context=context,
            active_share=active_share(self.metadata),
            writes_text=not self.metadata.is_embedding,
        )


async def read_remote(registry: Registry, library: Library, asked: str, *, insecure: bool) -> RemoteModel:
    """Raises `InvalidRequest`, `RegistryError`. What the registry says of the insides is believed or left out, never an error."""
    remote = (await registry.manifest(asked, insecure=insecure)).manifest
    weights = remote.first("model")
    if weights is None:
        raise RegistryError("the registry's model has no weights")
    config_bytes, beginning = await asyncio.gather(
        _read(registry, asked, remote.config, _LARGEST_CONFIG, insecure),
        _read(registry, asked, weights, _BEGINNING_BYTES, insecure),
    )
    config = _decode(config_bytes)
    size = sum(layer.size for layer in remote.layers if layer.kind == "model")
    values: dict[str, Any] = {}
    with suppress(GGUFError):
        values = await asyncio.to_thread(read_beginning, beginning)
    metadata = GGUFMetadata(3, 0, _parameters(config, size), values, tensor_bytes=size)
    return RemoteModel(
        name=asked,
        size=remote.size,
        missing_bytes=await asyncio.to_thread(_missing_bytes, library, remote),
        metadata=metadata,
        file_type=(config.file_type or "")[:20] or metadata.file_type,
    )


async def _read(registry: Registry, asked: str, layer: Layer, longest: int, insecure: bool) -> bytes:
    """Empty where it cannot be had."""
    with suppress(RegistryError):
        return await registry.read_blob(asked, layer.digest, min(longest, layer.size), insecure=insecure)
    return b""


def _decode(content: bytes) -> ModelConfig:
    try:
        return msgspec.json.decode(content, type=ModelConfig)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ModelConfig()


def _parameters(config: ModelConfig, size: int) -> int:
    """As the config says, such as "7.6B"; else by the size."""
    text = (config.model_type or "").strip().upper()[:20]
    with suppress(ValueError):
        if text[-1:] in _FACTORS and 0 < (number := float(text[:-1])) < 1e6:
            return round(number * _FACTORS[text[-1]])
    return round(guess.guess_parameters(size, config.file_type or guess.USUAL_KIND))


def _missing_bytes(library: Library, manifest: Manifest) -> int:
    missing = 0
    for layer in {layer.digest: layer for layer in (manifest.config, *manifest.layers)}.values():
        try:
            library.blobs.check(layer)
        except DamagedModel:
            missing += layer.size
    return missing
