"""Models whose files are damaged: lists leave them out, but an administrator should know of them, and can delete them."""

from collections.abc import Sequence
from dataclasses import dataclass

from webui.services.errors import RuntimeFailure
from webui.services.inference_events import plain_text
from webui.services.model_names import model_key
from webui.services.runtime_api import call

_LONGEST_TEXT = 500


@dataclass(frozen=True)
class DamagedModel:
    """`reason` is the runtime's own sentence, without a capital and without a full stop."""

    name: str
    reason: str


def damaged_models() -> list[DamagedModel]:
    """None where the runtime cannot be asked, or, like a real Ollama, does not tell."""
    try:
        told = call("GET", "/api/hearth/damaged")
    except RuntimeFailure:
        return []
    found = told.get("models") if isinstance(told, dict) else None
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    models = [DamagedModel(_text(entry.get("name")), _text(entry.get("reason"))) for entry in entries]
    return [model for model in models if model_key(model.name)]


def find_damaged(models: Sequence[DamagedModel], name: str) -> DamagedModel | None:
    key = model_key(name)
    return next((model for model in models if model_key(model.name) == key), None)


def _text(value: object) -> str:
    return plain_text(value)[:_LONGEST_TEXT]
