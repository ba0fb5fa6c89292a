"""What each field of a request means. A field has one meaning wherever it stands, unless `Struct.field` says otherwise."""

from inference.api.openapi.fields.anthropic import ANTHROPIC
from inference.api.openapi.fields.field import Field
from inference.api.openapi.fields.hearth import HEARTH
from inference.api.openapi.fields.ollama import OLLAMA
from inference.api.openapi.fields.openai import OPENAI
from inference.api.openapi.fields.responses import RESPONSES
from inference.api.openapi.fields.shared import SHARED

__all__ = ["FIELDS", "Field", "field_of"]

FIELDS: dict[str, Field] = {**SHARED, **OLLAMA, **OPENAI, **RESPONSES, **ANTHROPIC, **HEARTH}


def field_of(struct: str, name: str) -> Field | None:
    return FIELDS.get(f"{struct}.{name}") or FIELDS.get(name)
