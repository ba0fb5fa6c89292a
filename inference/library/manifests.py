"""Manifests: one small JSON file a model at `manifests/<host>/<namespace>/<model>/<tag>`, as Ollama keeps them.

The sha256 of the file's bytes is the model's digest, so the bytes are kept as they came.
"""

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from inference.library.atomic import write_atomically
from inference.library.errors import DamagedModel, LibraryError
from inference.library.names import InvalidName, ModelName, name_from_parts

MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
LAYER_PREFIX = "application/vnd.ollama.image."
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_DEPTH = 4

logger = logging.getLogger(__name__)


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One blob a model is made of. `digest` is `sha256:<hex>`, `size` in bytes."""

    media_type: str = msgspec.field(name="mediaType")
    digest: str
    size: int

    @property
    def kind(self) -> str:
        """`model`, `projector`, `adapter`, `template`, `system`, `params`, `messages`, `license`, …"""
        return self.media_type.partition(";")[0].removeprefix(LAYER_PREFIX)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: int = msgspec.field(name="schemaVersion", default=2)
    media_type: str = msgspec.field(name="mediaType", default=MANIFEST_TYPE)
    config: Layer
    layers: list[Layer]

    @property
    def size(self) -> int:
        return self.config.size + sum(layer.size for layer in self.layers)

    def first(self, kind: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.kind == kind), None)


_decoder = msgspec.json.Decoder(Manifest)


class ManifestStore:
    """The `manifests` folder below the models folder."""

    def __init__(self, models_dir: Path) -> None:
        self.root = models_dir / "manifests"

    def path(self, name: ModelName) -> Path:
        return self.root.joinpath(*name.parts)

    def names(self) -> Iterator[tuple[ModelName, os.stat_result]]:
        """Every manifest by its place in the tree. Files whose place is no valid name are passed over."""
        for parts, stat in _walk(str(self.root), ()):
            try:
                yield name_from_parts(*parts), stat
            except InvalidName:
                continue

    def resolve(self, name: ModelName) -> ModelName | None:
        """The name as it is stored: the very same, else one that differs in case only; None when there is none."""
        if self.path(name).is_file():
            return name
        return next((stored for stored, _ in self.names() if stored.folded == name.folded), None)

    def read(self, name: ModelName) -> tuple[Manifest, str]:
        """The manifest and the hex sha256 of its bytes. Raises `DamagedModel`, or `FileNotFoundError`."""
        with self.path(name).open("rb") as file:
            content = file.read(_MAX_MANIFEST_BYTES + 1)
        if len(content) > _MAX_MANIFEST_BYTES:
            raise DamagedModel("its manifest is too large")
        return decode_manifest(content), hashlib.sha256(content).hexdigest()

    def write(self, name: ModelName, content: bytes) -> str:
        """Puts the very bytes in place at once or not at all; the hex sha256 of them. Raises `LibraryError`."""
        decode_manifest(content)
        write_atomically(self.path(name), content)
        return hashlib.sha256(content).hexdigest()

    def digests(self, name: ModelName) -> list[str]:
        """Of all blobs its manifest refers to; none where there is no manifest or it cannot be read."""
        try:
            manifest, _ = self.read(name)
        except (DamagedModel, OSError):
            return []
        return [layer.digest for layer in (manifest.config, *manifest.layers)]

    def remove(self, name: ModelName) -> list[str]:
        """The digests it referred to. Raises `LibraryError` when it cannot be removed."""
        path = self.path(name)
        digests = self.digests(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise LibraryError(f"the model cannot be removed from the models folder: {error.strerror}") from error
        self._remove_empty_folders(path.parent)
        return digests

    def _remove_empty_folders(self, folder: Path) -> None:
        with suppress(OSError):
            while folder != self.root:
                folder.rmdir()
                folder = folder.parent


def decode_manifest(content: bytes) -> Manifest:
    """Raises `DamagedModel`."""
    try:
        manifest = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DamagedModel("its manifest cannot be read") from None
    if not all(0 <= layer.size < 2**63 for layer in (manifest.config, *manifest.layers)):
        raise DamagedModel("its manifest gives an impossible size")
    return manifest


def _walk(folder: str, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("Cannot list a folder of the model library: %s.", error.strerror)
        return
    for entry in entries:
        inner = (*parts, entry.name)
        if len(inner) < _DEPTH:
            if entry.is_dir():
                yield from _walk(entry.path, inner)
        elif entry.is_file():
            yield inner, entry.stat()
