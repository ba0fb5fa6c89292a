"""Which part of a model a GGUF file holds."""

from typing import Literal

from inference.library.gguf import GGUFMetadata

Role = Literal["model", "projector", "adapter"]


def role_of(metadata: GGUFMetadata) -> Role:
    if metadata.values.get("general.type") == "adapter" or "adapter.type" in metadata.values:
        return "adapter"
    is_projector = metadata.architecture == "clip" or metadata.values.get("general.type") in ("mmproj", "projector")
    return "projector" if is_projector else "model"
