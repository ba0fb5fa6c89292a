"""What is said of one field."""

from typing import Any, NamedTuple

from inference.api.openapi.operation import Text


class Field(NamedTuple):
    """`schema` takes the place of what the struct says, where that is wider than what makes sense."""

    text: Text
    schema: dict[str, Any] | None = None


def explain(en: str, zh: str, schema: dict[str, Any] | None = None) -> Field:
    return Field(Text(en, zh), schema)


#: Schemas that more than one protocol uses.
TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
PARTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}, {"type": "null"}]}
