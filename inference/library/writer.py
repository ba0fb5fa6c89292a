"""Puts a model together: layers and a config become a manifest, in the form Ollama writes and reads."""

import hashlib
import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.library.gguf import GGUFMetadata
from inference.library.manifests import CONFIG_TYPE, LAYER_PREFIX, MANIFEST_TYPE, Layer
from inference.library.names import ModelName

if TYPE_CHECKING:
    from inference.library.models import Library


class ModelWriter:
    """Collects the layers of one model and writes its manifest last: until then nothing of the library has changed.

    What the layers and the config hold is in the library before the manifest that refers to it, so a process that is killed
    in between leaves blobs that nobody refers to, which the next start removes.
    """

    def __init__(self, library: "Library", layers: list[Layer] | None = None) -> None:
        """Within a `with` block, nothing that was added is removed by others until the block ends."""
        self._library = library
        self._holds = ExitStack()
        self.layers: list[Layer] = []
        for layer in layers or []:
            self.add(layer)

    def __enter__(self) -> "ModelWriter":
        return self

    def __exit__(self, *details: object) -> None:
        self._holds.close()

    def add(self, layer: Layer) -> Layer:
        """A layer whose blob is in the library already."""
        self._holds.enter_context(self._library.hold([layer.digest]))
        self.layers.append(layer)
        return layer

    def add_file(self, source: Path, kind: str) -> Layer:
        """Raises `LibraryError`."""
        return self.add(self._library.blobs.add_file(source, LAYER_PREFIX + kind))

    def add_text(self, text: str, kind: str) -> Layer:
        """Raises `LibraryError`."""
        return self.add(self.layer_of(text, kind))

    def layer_of(self, text: str, kind: str) -> Layer:
        """Puts the text into the library and does not add it yet. Raises `LibraryError`."""
        content = text.encode()
        # Another model that has the same text may be deleted just now.
        self._holds.enter_context(self._library.hold([f"sha256:{hashlib.sha256(content).hexdigest()}"]))
        return self._library.blobs.add_bytes(content, LAYER_PREFIX + kind)

    def add_json(self, value: Any, kind: str) -> Layer:
        """Raises `LibraryError`."""
        return self.add_text(encode_json(value).decode(), kind)

    def write(self, name: ModelName, config: dict[str, Any]) -> str:
        """The model's digest, the hex sha256 of its manifest. A model of that name, in any case, is replaced and keeps the
        case it has; blobs that only it needed are removed. Raises `LibraryError`."""
        library = self._library
        stored = library.manifests.resolve(name) or name
        replaced = library.manifests.digests(stored)
        described = {**config, "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in self.layers]}}
        with library.hold(layer.digest for layer in self.layers):
            config_layer = library.blobs.add_bytes(encode_json(described), CONFIG_TYPE)
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": _reference(config_layer),
                "layers": [_reference(layer) for layer in self.layers],
            }
            digest = library.manifests.write(stored, encode_json(manifest))
        self._holds.close()
        library.remove_unused(replaced)
        return digest


def gguf_config(metadata: GGUFMetadata, *, families: list[str] | None = None) -> dict[str, Any]:
    """The config of a model whose weights are this GGUF file; `families` where other files of it add to its own."""
    return {
        "model_format": "gguf",
        "model_family": metadata.architecture,
        "model_families": families or [metadata.architecture],
        "model_type": human_parameters(metadata.num_parameters),
        "file_type": metadata.file_type,
        "architecture": "amd64",
        "os": "linux",
    }


def human_parameters(count: int) -> str:
    """A number of parameters the way Ollama writes it: 134515008 is "134.52M"."""
    if count >= 1_000_000_000:
        return _shorten(count / 1e9, 1) + "B"
    if count >= 1_000_000:
        return _shorten(count / 1e6, 2) + "M"
    if count >= 1_000:
        return f"{count / 1e3:.0f}K"
    return str(count)


def encode_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _reference(layer: Layer) -> dict[str, object]:
    return {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}


def _shorten(number: float, digits: int) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:.{digits}f}"
