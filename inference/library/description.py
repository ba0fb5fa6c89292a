"""What an installed model is, for people and clients: nothing is loaded for it."""

from dataclasses import dataclass
from typing import Any

from inference.library.gguf import GGUFMetadata
from inference.library.gguf_reader import LongArray, read_header
from inference.library.modelfile.modelfile import Modelfile
from inference.library.models import InstalledModel, Library
from inference.library.tensor_types import type_name

#: Longer arrays are left out where not everything is asked for.
_SHORT_ARRAY = 5
_VERBOSE_ELEMENTS = 1_000_000
#: What Ollama shows elsewhere, or not at all.
_HIDDEN_KEYS = ("general.name", "tokenizer.chat_template")


@dataclass(frozen=True)
class Description:
    modelfile: Modelfile
    #: What the template layer says; without one, the GGUF's own Jinja template.
    template: str
    #: The GGUF's values; None stands for an array that was left out.
    info: dict[str, Any]
    projector_info: dict[str, Any]
    #: Each with name, type and shape; empty unless everything is asked for.
    tensors: list[dict[str, Any]]


def describe(library: Library, model: InstalledModel, *, is_verbose: bool) -> Description:
    """Raises `LibraryError` when a file of the model cannot be read."""
    tensors: list[dict[str, Any]] = []
    info: dict[str, Any] = {}
    template = library.text(model, "template")
    if model.model_path is not None:
        metadata = library.metadata(model)
        values = metadata.values
        if is_verbose:
            header = read_header(model.model_path, kept_elements=_VERBOSE_ELEMENTS)
            values = header.values
            tensors = [
                {"name": tensor.name, "type": type_name(tensor.kind), "shape": list(tensor.dimensions)}
                for tensor in header.tensors
            ]
        info = _info(values, metadata, is_verbose=is_verbose)
        jinja = metadata.values.get("tokenizer.chat_template")
        template = template or (jinja if isinstance(jinja, str) else "")
    projector_info: dict[str, Any] = {}
    if model.projector_path is not None:
        projector = library.file_metadata(model.projector_path)
        projector_info = _info(projector.values, projector, is_verbose=is_verbose)
    return Description(_modelfile(library, model), template, info, projector_info, tensors)


def _modelfile(library: Library, model: InstalledModel) -> Modelfile:
    """From which the same model could be made again."""
    defaults = library.defaults(model)
    weights = model.part_paths or (model.model_path,)
    paths = [path for path in (*weights, model.projector_path) if path is not None]
    return Modelfile(
        sources=[str(path) for path in paths] or [model.name.shortest],
        adapters=[str(path) for path in model.adapter_paths],
        parameters=defaults.parameters,
        template=library.text(model, "template") or None,
        system=defaults.system or None,
        licenses=library.texts(model, "license"),
        messages=[_message(message) for message in defaults.messages if isinstance(message, dict)],
        renderer=model.config.renderer,
        parser=model.config.parser,
        requires=model.config.requires,
    )


def _message(message: dict[str, Any]) -> dict[str, str]:
    return {"role": str(message.get("role", "")), "content": str(message.get("content", ""))}


def _info(values: dict[str, Any], metadata: GGUFMetadata, *, is_verbose: bool) -> dict[str, Any]:
    longest = None if is_verbose else _SHORT_ARRAY
    shown = {key: _shown(value, longest) for key, value in values.items() if key not in _HIDDEN_KEYS}
    return shown | {"general.parameter_count": metadata.num_parameters}


def _shown(value: Any, longest: int | None) -> Any:
    if isinstance(value, LongArray):
        return None
    return None if isinstance(value, list) and longest is not None and len(value) > longest else value
