"""An installed model, as the library knows it without loading it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from inference.library.gguf import GGUFMetadata
from inference.library.manifests import Manifest
from inference.library.names import ModelName


class ModelConfig(msgspec.Struct, frozen=True):
    """The part of a model's config blob that lists show."""

    model_format: str | None = None
    model_family: str | None = None
    model_families: list[str] | None = None
    model_type: str | None = None
    file_type: str | None = None
    renderer: str | None = None
    parser: str | None = None
    requires: str | None = None


@dataclass(frozen=True)
class ModelDefaults:
    """What the Modelfile set: parameters by Ollama's names, the system prompt, and messages to begin with."""

    parameters: dict[str, Any]
    system: str
    messages: list[dict[str, Any]]
    #: In Go's template language; empty where there is none.
    template: str = ""


@dataclass(frozen=True)
class InstalledModel:
    """`digest` is the hex sha256 of the manifest; `size` in bytes over all blobs."""

    name: ModelName
    digest: str
    modified_at_ns: int
    manifest: Manifest
    config: ModelConfig
    #: The GGUF file; None for a model that has none, such as one kept as safetensors.
    model_path: Path | None
    #: The GGUF file of the part that sees images, where there is one.
    projector_path: Path | None = None
    #: GGUF files of LoRA adapters that are applied to the weights.
    adapter_paths: tuple[Path, ...] = ()
    #: Of a model in the import folder, the files of its weights; empty for one of the library's own.
    part_paths: tuple[Path, ...] = ()
    #: What all of them say together; None: read it from the file.
    metadata: GGUFMetadata | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> int:
        return self.manifest.size

    @property
    def runtime_key(self) -> str:
        """The same for models that differ in nothing that is loaded: one runner serves them."""
        return "+".join(str(path) for path in (self.model_path, self.projector_path, *self.adapter_paths) if path is not None)

    @property
    def is_linked(self) -> bool:
        """It lies in the import folder and is nobody's to change but whoever put it there."""
        return bool(self.part_paths)

    def has(self, kind: str) -> bool:
        return self.manifest.first(kind) is not None
