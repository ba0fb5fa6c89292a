"""The library: which models are installed and what is known of each without loading it.

A model whose manifest or blobs are damaged is left out, with the reason logged once; the others are unharmed.
Safe to call from several threads.
"""

import logging
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from inference.errors import InvalidRequest, ModelDamaged, ModelNotFound
from inference.library.blobs import BlobStore
from inference.library.capabilities import capabilities
from inference.library.errors import DamagedModel, LibraryError
from inference.library.gguf import GGUFMetadata, read_metadata
from inference.library.holds import Holds
from inference.library.import_folder import ImportFolder
from inference.library.installed import InstalledModel, ModelConfig, ModelDefaults
from inference.library.linked import linked_model
from inference.library.manifests import Layer, ManifestStore
from inference.library.names import ModelName
from inference.library.prune import prune_at_start, remove_unreferenced

__all__ = ["MAX_TEXT_BYTES", "InstalledModel", "Library", "ModelConfig", "ModelDefaults"]

#: Of a layer that holds text or JSON.
MAX_TEXT_BYTES = 4 * 1024 * 1024
_MAX_CONFIG_BYTES = 4 * 1024 * 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Read:
    """A manifest as it was last read; valid while `stamp` is that of the file."""

    stamp: tuple[int, int, int]
    model: InstalledModel


class Library:
    """The models folder, in Ollama's layout."""

    def __init__(self, models_dir: Path, *, prunes: bool = True, import_dir: Path | None = None) -> None:
        """Without `prunes`, blobs go only with the model that is deleted (`OLLAMA_NOPRUNE`). Files in `import_dir` are models
        as well; one of the library's own hides a file of the same name."""
        self.models_dir = models_dir
        self.import_folder = ImportFolder(models_dir / "import" if import_dir is None else import_dir)
        self._prunes = prunes
        self.manifests = ManifestStore(models_dir)
        self.blobs = BlobStore(models_dir)
        self._holds = Holds()
        self._lock = threading.Lock()
        self._read: dict[ModelName, _Read] = {}
        self._reported: dict[ModelName, str] = {}
        self._metadata: dict[tuple[Path, int, int], GGUFMetadata] = {}
        self._defaults: dict[str, ModelDefaults] = {}
        self._capabilities: dict[str, list[str]] = {}

    def list_models(self) -> list[InstalledModel]:
        """Newest first. Cached by the manifests' times; that every blob is there is looked at each time."""
        models = []
        with self._lock:
            for name, stat in self.manifests.names():
                try:
                    models.append(self._load(name, (stat.st_mtime_ns, stat.st_size, stat.st_ino)))
                    self._reported.pop(name, None)
                except (LibraryError, OSError) as error:
                    self._report(name, error)
            present = {model.name for model in models}
            self._read = {name: read for name, read in self._read.items() if name in present}
        models += self._linked(present)
        return sorted(models, key=lambda model: (-model.modified_at_ns, model.name.shortest))

    def damaged_models(self) -> dict[ModelName, str]:
        """What `list_models` leaves out, each with the reason."""
        self.list_models()
        with self._lock:
            present = {name for name, _stat in self.manifests.names()}
            return {name: reason for name, reason in self._reported.items() if name in present}

    def find(self, name: ModelName, *, asked: str) -> InstalledModel:
        """The model of that name in any case. Raises `ModelNotFound`, quoting the name as it was `asked`."""
        with self._lock:
            stored = self.manifests.resolve(name)
            if stored is None:
                return self._find_linked(name, asked)
            try:
                stat = self.manifests.path(stored).stat()
                return self._load(stored, (stat.st_mtime_ns, stat.st_size, stat.st_ino))
            except LibraryError as error:
                self._report(stored, error)
                raise ModelDamaged(f"model '{asked}' is damaged: {error}; install it again") from None
            except OSError:
                raise not_found(name, asked) from None

    def hold(self, digests: Iterable[str]) -> AbstractContextManager[None]:
        """While the block runs, no blob of these digests is removed: for work that will refer to them in a manifest."""
        return self._holds.hold(digests)

    def copy(self, source: ModelName, destination: ModelName, *, asked: str) -> str:
        """Gives the model a second name and returns its digest. A model of that name, in any case, is replaced and keeps the
        case it has. Raises `ModelNotFound`, quoting the source as it was `asked`, or `LibraryError`."""
        with self._lock:
            stored = self.manifests.resolve(source)
            if stored is None:
                raise ModelNotFound(f'model "{asked}" not found')
            target = self.manifests.resolve(destination) or destination
            replaced = self.manifests.digests(target)
            digest = self.manifests.write(target, self.manifests.path(stored).read_bytes())
        self.remove_unused(replaced)
        return digest

    def delete(self, name: ModelName, *, asked: str) -> None:
        """Removes the model of that name in any case, damaged or not, and the blobs that only it refers to. Raises
        `ModelNotFound`, quoting the name as it was `asked`, `InvalidRequest` for a file in the import folder, which is not
        the library's to remove, or `LibraryError`."""
        with self._lock:
            stored = self.manifests.resolve(name)
            if stored is None:
                file = self._find_linked(name, asked).model_path
                assert file is not None
                raise InvalidRequest(
                    f"model '{asked}' is the file {file.name} in the import folder, which Hearth leaves alone: remove it there"
                )
            self._read.pop(stored, None)
            digests = self.manifests.remove(stored)
            remove_unreferenced(self.manifests, self.blobs, self._holds, digests)

    def remove_unused(self, digests: Iterable[str]) -> list[str]:
        """Of these digests, those whose blobs were removed because no model refers to them and no work holds them: for what
        a model that was replaced leaves behind."""
        if not self._prunes:
            return []
        with self._lock:
            return remove_unreferenced(self.manifests, self.blobs, self._holds, digests)

    def prune_at_start(self) -> int:
        """See `inference.library.prune`; to be called before any work begins."""
        return prune_at_start(self.manifests, self.blobs) if self._prunes else 0

    def metadata(self, model: InstalledModel) -> GGUFMetadata:
        """What the model's GGUF header says. Raises `LibraryError`."""
        if model.model_path is None:
            raise DamagedModel("the model has no GGUF file")
        if model.metadata is not None:
            return model.metadata
        return self.file_metadata(model.model_path)

    def file_metadata(self, path: Path) -> GGUFMetadata:
        """Of one of a model's GGUF files. Raises `LibraryError`."""
        try:
            stat = path.stat()
        except OSError:
            raise DamagedModel("its model blob is missing") from None
        key = (path, stat.st_mtime_ns, stat.st_size)
        if key not in self._metadata:
            self._metadata[key] = read_metadata(path)
        return self._metadata[key]

    def config_values(self, model: InstalledModel) -> dict[str, Any]:
        """The whole config, with what Hearth does not know. Raises `LibraryError`."""
        values: dict[str, Any] = _decode(self._content(model.manifest.config, _MAX_CONFIG_BYTES), dict, "config")
        return values

    def text(self, model: InstalledModel, kind: str) -> str:
        """What the model's layer of that kind (`template`, `system`) says, or nothing. Raises `LibraryError`."""
        return self._text_layer(model, kind)

    def texts(self, model: InstalledModel, kind: str) -> list[str]:
        """Of every layer of that kind; a long one is cut. Raises `LibraryError`."""
        paths = [self.blobs.check(layer) for layer in model.manifest.layers if layer.kind == kind]
        return [_beginning(path) for path in paths]

    def capabilities(self, model: InstalledModel) -> list[str]:
        """See `inference.library.capabilities`; empty for a model without a GGUF file. Raises `LibraryError`."""
        if model.model_path is None:
            return []
        if model.digest not in self._capabilities:
            self._capabilities[model.digest] = capabilities(
                self.metadata(model), template=self._text_layer(model, "template"), has_projector=model.has("projector")
            )
        return self._capabilities[model.digest]

    def defaults(self, model: InstalledModel) -> ModelDefaults:
        """What the model's parameter, system and message layers say. Raises `LibraryError`."""
        if model.digest not in self._defaults:
            self._defaults[model.digest] = ModelDefaults(
                parameters=self._json_layer(model, "params", dict),
                system=self._text_layer(model, "system").strip(),
                messages=self._json_layer(model, "messages", list),
                template=self._text_layer(model, "template"),
            )
        return self._defaults[model.digest]

    def _linked(self, hidden: Iterable[ModelName] = ()) -> list[InstalledModel]:
        folded = {name.folded for name in hidden}
        return [
            linked_model(file)
            for file in self.import_folder.files()
            if file.model is not None and file.model.folded not in folded
        ]

    def _find_linked(self, name: ModelName, asked: str) -> InstalledModel:
        """Raises `ModelNotFound`."""
        for model in self._linked():
            if model.name.folded == name.folded:
                return model
        raise not_found(name, asked)

    def _load(self, name: ModelName, stamp: tuple[int, int, int]) -> InstalledModel:
        known = self._read.get(name)
        model = known.model if known is not None and known.stamp == stamp else self._read_model(name, stamp)
        for layer in model.manifest.layers:
            self.blobs.check(layer)
        self._read[name] = _Read(stamp, model)
        return model

    def _read_model(self, name: ModelName, stamp: tuple[int, int, int]) -> InstalledModel:
        manifest, digest = self.manifests.read(name)
        weights, projector = manifest.first("model"), manifest.first("projector")
        config = _decode(self._content(manifest.config, _MAX_CONFIG_BYTES), ModelConfig, "config")
        return InstalledModel(
            name=name,
            digest=digest,
            modified_at_ns=stamp[0],
            manifest=manifest,
            config=config,
            model_path=None if weights is None else self.blobs.path(weights.digest),
            projector_path=None if projector is None else self.blobs.path(projector.digest),
            adapter_paths=tuple(self.blobs.path(layer.digest) for layer in manifest.layers if layer.kind == "adapter"),
        )

    def _content(self, layer: Layer, longest: int) -> bytes:
        path = self.blobs.check(layer)
        if layer.size > longest:
            raise DamagedModel(f"its {layer.kind} blob is too large")
        return path.read_bytes()

    def _text_layer(self, model: InstalledModel, kind: str) -> str:
        layer = model.manifest.first(kind)
        return "" if layer is None else self._content(layer, MAX_TEXT_BYTES).decode("utf-8", errors="replace")

    def _json_layer(self, model: InstalledModel, kind: str, expected: type) -> Any:
        layer = model.manifest.first(kind)
        return expected() if layer is None else _decode(self._content(layer, MAX_TEXT_BYTES), expected, kind)

    def _report(self, name: ModelName, error: Exception) -> None:
        reason = str(error) if isinstance(error, LibraryError) else "its manifest cannot be read"
        if self._reported.get(name) != reason:
            self._reported[name] = reason
            logger.warning("Model %s is left out: %s.", name.shortest, reason)


def not_found(name: ModelName, asked: str) -> ModelNotFound:
    """In Ollama's words, quoting the name as it was `asked`."""
    reason = ": it runs at ollama.com, and Hearth runs models on this machine only" if name.is_cloud else ""
    return ModelNotFound(f"model '{asked}' not found{reason}")


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_TEXT_BYTES).decode("utf-8", errors="replace")


def _decode(content: bytes, expected: Any, kind: str) -> Any:
    try:
        return msgspec.json.decode(content, type=expected)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DamagedModel(f"its {kind} blob cannot be read") from None
