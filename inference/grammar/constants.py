"""The values that a JSON schema lists by name: `const` and `enum`."""

from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.characters import json_literal
from inference.grammar.schema_nodes import Schema
from inference.grammar.validity import is_of_type


def constants_of(schema: Schema, keywords: set[str]) -> list[str]:
    """GBNF for each value as JSON. `keywords` are those of the schema that say something of a value. Raises `InvalidRequest`."""
    values = [schema["const"]] if "const" in schema else schema["enum"]
    if not isinstance(values, list) or not values:
        raise InvalidRequest('format: "enum" has to be a list of values.')
    others = keywords - {"const", "enum", "type"}
    if others or ("const" in schema and "enum" in schema):
        raise InvalidRequest(f'format: "{min(others, default="enum")}" is not possible beside "const" or "enum".')
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        values = [value for value in values if any(is_of_type(value, name) for name in wanted)]
    if not values:
        raise InvalidRequest('format: no value of "enum" is of the "type" beside it.')
    return [_written(value) for value in values]


def _written(value: Any) -> str:
    try:
        return json_literal(value)
    except ValueError:
        raise InvalidRequest('format: "const" and "enum" cannot hold a number without end.') from None
