"""Whether a value keeps to a JSON schema: for calls that a model wrote in a notation, or a way, no grammar held it to.

Speaks of the keywords that a grammar can express, and passes over the others.
"""

import json
from typing import Any, TypeGuard

from inference.grammar.matching import keeps_to_pattern
from inference.grammar.pointer import at_pointer
from inference.grammar.schema_nodes import Schema
from inference.grammar.string_formats import FORMATS

_MAX_DEPTH = 64


def is_valid(value: Any, schema: Any) -> bool:
    """`schema` is a whole document: its references point into it."""
    return _Validity(schema).holds(value, schema, 0)


class _Validity:
    def __init__(self, document: Any) -> None:
        self._document = document

    def holds(self, value: Any, schema: Any, depth: int) -> bool:
        if not isinstance(schema, dict):
            return schema is not False
        if depth > _MAX_DEPTH:
            return False
        plain = (self._is_of_type, self._is_listed, self._is_string, self._is_number)
        nested = (self._fits_others, self._is_object, self._is_array)
        return all(check(value, schema) for check in plain) and all(check(value, schema, depth) for check in nested)

    def _is_of_type(self, value: Any, schema: Schema) -> bool:
        if "type" not in schema:
            return True
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return any(is_of_type(value, name) for name in names)

    def _is_listed(self, value: Any, schema: Schema) -> bool:
        listed = [schema["const"]] if "const" in schema else schema.get("enum")
        return not isinstance(listed, list) or any(_are_equal(value, one) for one in listed)

    def _fits_others(self, value: Any, schema: Schema, depth: int) -> bool:
        def fitting(keyword: str) -> list[bool]:
            options = schema[keyword]
            return [self.holds(value, option, depth + 1) for option in options] if isinstance(options, list) else []

        if "$ref" in schema and not self.holds(value, self._resolve(schema["$ref"]), depth + 1):
            return False
        if "allOf" in schema and not all(fitting("allOf")):
            return False
        if "anyOf" in schema and not any(fitting("anyOf")):
            return False
        return "oneOf" not in schema or sum(fitting("oneOf")) == 1

    def _resolve(self, pointer: Any) -> Any:
        """What points at nothing allows everything: a grammar was not made of it."""
        try:
            return at_pointer(self._document, str(pointer))
        except LookupError:
            return True

    def _is_object(self, value: Any, schema: Schema, depth: int) -> bool:
        if not isinstance(value, dict):
            return True
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        if isinstance(required, list) and not all(name in value for name in required):
            return False
        # What a schema does not name a grammar does not write either.
        others = schema.get("additionalProperties", True)
        return all(self.holds(inner, properties.get(name, others), depth + 1) for name, inner in value.items())

    def _is_array(self, value: Any, schema: Schema, depth: int) -> bool:
        if not isinstance(value, list):
            return True
        first = schema.get("prefixItems")
        first = first if isinstance(first, list) else []
        if not _is_within(len(value), schema, "minItems", "maxItems"):
            return False
        pairs = [*zip(value, first, strict=False), *((item, schema.get("items", True)) for item in value[len(first) :])]
        return all(self.holds(item, inner, depth + 1) for item, inner in pairs)

    def _is_string(self, value: Any, schema: Schema) -> bool:
        if not isinstance(value, str):
            return True
        patterns = [schema["pattern"]] if isinstance(schema.get("pattern"), str) else []
        patterns += [FORMATS[schema["format"]]] if schema.get("format") in FORMATS else []
        is_of_length = _is_within(len(value), schema, "minLength", "maxLength")
        return is_of_length and all(keeps_to_pattern(value, pattern) for pattern in patterns)

    def _is_number(self, value: Any, schema: Schema) -> bool:
        if not is_of_type(value, "number"):
            return True
        low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        if (_is_bound(low) and value <= low) or (_is_bound(high) and value >= high):
            return False
        return _is_within(value, schema, "minimum", "maximum") and not (schema.get("multipleOf") == 1 and value != int(value))


def is_of_type(value: Any, name: Any) -> bool:
    """Whether a value is of one of JSON's types."""
    match name:
        case "integer":
            return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string" | "boolean" | "array" | "object":
            return isinstance(value, {"string": str, "boolean": bool, "array": list, "object": dict}[name])
        case _:
            return name == "null" and value is None


def _is_within(number: float, schema: Schema, least: str, most: str) -> bool:
    low, high = schema.get(least), schema.get(most)
    return not (_is_bound(low) and number < low) and not (_is_bound(high) and number > high)


def _is_bound(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_equal(left: Any, right: Any) -> bool:
    """As JSON has it: 1 and 1.0 are the same, 1 and true are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
    return bool(left == right)
