"""JSON schemas without what a grammar cannot express: for tools, whose schemas are often written by programs that never meant
them to be kept to in every point."""

from collections.abc import Callable
from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.pattern import PatternReader
from inference.grammar.rules import Rules
from inference.grammar.schema_nodes import IMPOSSIBLE, NEUTRAL, TYPES, Schema
from inference.grammar.string_formats import FORMATS

_SCHEMAS = ("items", "additionalProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_MAX_DEPTH = 64


def relaxed(schema: Any, depth: int = 0) -> Any:
    """The schema with fewer demands, so that whatever keeps to `schema` keeps to it too. What is left may still be more than a
    grammar can say, where its parts contradict each other or it is too large."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema
    kept = {key: value for key, value in schema.items() if key not in IMPOSSIBLE or value is NEUTRAL.get(key, NEUTRAL)}
    if "oneOf" in kept and "anyOf" not in kept:
        kept["anyOf"] = kept.pop("oneOf")
    if "const" in kept or "enum" in kept:
        wanted = "const" if "const" in kept else "enum"
        kept = {key: value for key, value in kept.items() if key in (wanted, "type", "$defs", "definitions")}
    for relax in (_relax_string, _relax_number, _relax_counts):
        relax(kept)
    return _with_inner(kept, lambda inner: relaxed(inner, depth + 1))


def _relax_string(schema: Schema) -> None:
    if "format" in schema and (not isinstance(schema["format"], str) or schema["format"] not in FORMATS):
        del schema["format"]
    if "pattern" in schema and ("format" in schema or not _is_possible_pattern(schema["pattern"])):
        del schema["pattern"]
    if "pattern" in schema or "format" in schema:
        schema.pop("minLength", None)
        schema.pop("maxLength", None)


def _is_possible_pattern(pattern: Any) -> bool:
    try:
        return isinstance(pattern, str) and bool(PatternReader(pattern, Rules()).expression())
    except InvalidRequest:
        return False


def _relax_number(schema: Schema) -> None:
    """Bounds that are no whole numbers move outwards to the next one that is."""
    if schema.get("multipleOf", 1) != 1:
        del schema["multipleOf"]
    is_whole = schema.get("type") == "integer"
    for keyword in _BOUNDS:
        value = schema.get(keyword)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
            schema.pop(keyword, None)
        elif value != int(value) and not is_whole:
            del schema[keyword]
            is_low = keyword.lower().endswith("minimum")
            schema["minimum" if is_low else "maximum"] = int(value // 1) if is_low else -int(-value // 1)


def _relax_counts(schema: Schema) -> None:
    for keyword in ("minProperties", "maxProperties", *(("minItems", "maxItems") if schema.get("prefixItems") else ())):
        schema.pop(keyword, None)
    for keyword in _COUNTS:
        value = schema.get(keyword)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100_000:
            schema.pop(keyword, None)
    if "type" in schema and not _is_type(schema["type"]):
        del schema["type"]


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)


def _with_inner(schema: Schema, relax: Callable[[Any], Any]) -> Schema:
    for keyword in _SCHEMAS:
        if keyword in schema:
            schema[keyword] = relax(schema[keyword])
    for keyword in _LISTS:
        if isinstance(schema.get(keyword), list):
            schema[keyword] = [relax(inner) for inner in schema[keyword]]
    for keyword in _MAPS:
        if isinstance(schema.get(keyword), dict):
            schema[keyword] = {name: relax(inner) for name, inner in schema[keyword].items()}
    return schema
