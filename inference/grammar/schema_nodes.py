"""What the keywords of a JSON schema say, and how several schemas of one value become one."""

import json
from collections.abc import Callable
from itertools import combinations
from typing import Any

from inference.errors import InvalidRequest

Schema = dict[str, Any]
Resolve = Callable[[Any], Any]

MAX_DEPTH = 64
_MAX_COUNT = 100_000
#: JSON's types, with the keywords that speak of each.
TYPES: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "integer": set(),
    "boolean": set(),
    "null": set(),
}
#: Nothing nests in them.
_PLAIN = {"string", "number", "integer", "boolean", "null"}
_POSSIBLE = {"$ref", "allOf", "anyOf", "oneOf", "const", "enum", "type"}.union(*TYPES.values())
#: With these values a keyword demands nothing.
NEUTRAL: dict[str, Any] = {
    "uniqueItems": False,
    "unevaluatedProperties": True,
    "unevaluatedItems": True,
    "additionalItems": True,
}
IMPOSSIBLE = {
    "not", "if", "then", "else", "contains", "minContains", "maxContains", "uniqueItems", "patternProperties", "propertyNames",
    "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems", "additionalItems",
    "$dynamicRef", "$recursiveRef", "contentSchema",
}  # fmt: skip


def check_keywords(schema: Schema) -> set[str]:
    """The keywords that say something of a value. Raises `InvalidRequest` for one that cannot be kept to."""
    for keyword in sorted(IMPOSSIBLE & schema.keys()):
        if schema[keyword] is not NEUTRAL.get(keyword, NEUTRAL):
            raise InvalidRequest(f'format: the keyword "{keyword}" of a JSON schema is not possible.')
    return _POSSIBLE & schema.keys()


def count_of(schema: Schema, keyword: str, default: int | None) -> int | None:
    """Raises `InvalidRequest`."""
    value = schema.get(keyword, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not 0 <= value <= _MAX_COUNT:
        raise InvalidRequest(f'format: "{keyword}" has to be a whole number from 0 to {_MAX_COUNT}.')
    return int(value)


def whole_bound(schema: Schema, keyword: str, *, is_whole: bool) -> tuple[int | None, bool]:
    """The bound `keyword` ("minimum" or "maximum") and whether it is itself left out. Raises `InvalidRequest`."""
    exclusive = "exclusive" + keyword.capitalize()
    closed, open_ = _bound(schema, keyword), _bound(schema, exclusive)
    is_low = keyword == "minimum"
    if closed is None and open_ is None:
        return None, False
    is_open = closed is None or (open_ is not None and (open_ >= closed if is_low else open_ <= closed))
    bound = open_ if is_open else closed
    assert bound is not None, "one of both is there"
    if bound == int(bound):
        return int(bound), is_open
    if not is_whole:
        raise InvalidRequest(f'format: "{exclusive if is_open else keyword}" of a number has to be whole.')
    # The next whole number inside.
    return (int(bound // 1) + 1 if is_low else int(bound // 1)), False


def _bound(schema: Schema, keyword: str) -> float | None:
    value = schema.get(keyword)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise InvalidRequest(f'format: "{keyword}" has to be a number of at most 15 digits.')
    return value


def merged(schema: Schema, resolve: Resolve) -> Schema:
    """One schema for a value that has to fit `schema` and everything in its `allOf`. Raises `InvalidRequest` where two of
    them say different things with one keyword."""
    found: Schema = {}
    for part in _flat(schema, resolve, 0):
        for keyword in check_keywords(part):
            found[keyword] = _both(keyword, found[keyword], part[keyword]) if keyword in found else part[keyword]
    return found


def _flat(schema: Any, resolve: Resolve, depth: int) -> list[Schema]:
    """The schema without its `allOf` and reference, and the schemas that stand there."""
    if depth > MAX_DEPTH:
        raise InvalidRequest('format: "allOf" and "$ref" lead back to themselves.')
    if schema is True:
        return []
    if not isinstance(schema, dict) or not isinstance(schema.get("allOf", []), list):
        raise InvalidRequest('format: "allOf" has to be a list of schemas.')
    parts = [{key: value for key, value in schema.items() if key not in ("allOf", "$ref")}]
    inner = [*([resolve(schema["$ref"])] if "$ref" in schema else []), *schema.get("allOf", [])]
    return parts + [part for one in inner for part in _flat(one, resolve, depth + 1)]


def _both(keyword: str, left: Any, right: Any) -> Any:
    if keyword == "required" and isinstance(left, list) and isinstance(right, list):
        return [*left, *(name for name in right if name not in left)]
    if keyword == "properties" and isinstance(left, dict) and isinstance(right, dict):
        both = {name: {"allOf": [left[name], right[name]]} for name in left if name in right and left[name] != right[name]}
        return left | right | both
    if json.dumps(left) == json.dumps(right):
        return left
    raise InvalidRequest(f'format: "allOf" is not possible with two different values of "{keyword}".')


def are_disjoint(options: list[Any], resolve: Resolve) -> bool:
    """Whether no value fits two of the schemas, as far as that is easily seen."""
    flat = [merged(option, resolve) if isinstance(option, dict) else {} for option in options]
    return all(_differ(left, right, resolve) for left, right in combinations(flat, 2))


def _differ(left: Schema, right: Schema, resolve: Resolve) -> bool:
    if (mine := _constants(left)) is not None and (theirs := _constants(right)) is not None:
        return mine.isdisjoint(theirs)
    if not _kinds(left) & _kinds(right):
        return True
    properties = [schema.get("properties") for schema in (left, right)]
    for name in sorted(set(_names(left.get("required"))) & set(_names(right.get("required")))):
        pair = [each.get(name) if isinstance(each, dict) else None for each in properties]
        sets = [_constants(merged(inner, resolve)) if isinstance(inner, dict) else None for inner in pair]
        if sets[0] is not None and sets[1] is not None and sets[0].isdisjoint(sets[1]):
            return True
    return False


def are_told_apart(options: list[Any], resolve: Resolve) -> bool:
    """Whether the beginning of a value always tells which of the schemas it can be of, before anything nests in it:
    readings that stay possible side by side would double with each level."""
    flat = [merged(option, resolve) if isinstance(option, dict) else {} for option in options]
    return all(_differ_early(left, right, resolve) for left, right in combinations(flat, 2))


def _differ_early(left: Schema, right: Schema, resolve: Resolve) -> bool:
    if not _kinds(left) & _kinds(right) or (_constants(left) and _constants(right)):
        return True
    if _kinds(left) & _kinds(right) <= _PLAIN:
        return True
    if _kinds(left) & _kinds(right) != {"object"}:
        return False
    mine, theirs = left.get("properties"), right.get("properties")
    if not isinstance(mine, dict) or not isinstance(theirs, dict):
        return False
    for (name, inner), (other, other_inner) in zip(mine.items(), theirs.items(), strict=False):
        if name not in _names(left.get("required")) or other not in _names(right.get("required")):
            return False
        if name != other:
            return True
        sets = [_constants(merged(each, resolve)) if isinstance(each, dict) else None for each in (inner, other_inner)]
        if sets[0] is None or sets[1] is None:
            return False
        if sets[0].isdisjoint(sets[1]):
            return True
    return False


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _constants(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return {json.dumps(value) for value in schema["enum"]} if isinstance(schema.get("enum"), list) else None


def _kinds(schema: Schema) -> set[str]:
    types = schema.get("type", list(TYPES))
    kinds = {types} if isinstance(types, str) else set(_names(types))
    return kinds | {"number"} if "integer" in kinds else kinds
