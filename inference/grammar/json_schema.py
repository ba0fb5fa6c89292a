"""From a JSON schema to a GBNF grammar whose every text is JSON that keeps to the schema.

What a schema demands and a grammar cannot say is refused by name; descriptions and the like are passed over. Properties come
in the schema's order; properties that it does not name come only where it says `additionalProperties`.
"""

import functools
import json
from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.constants import constants_of
from inference.grammar.json_values import STRING, VALUE, Values
from inference.grammar.numbers import INTEGER, NUMBER, integer_between, number_between
from inference.grammar.objects import object_rule
from inference.grammar.pattern import PatternReader
from inference.grammar.pointer import at_pointer
from inference.grammar.rules import Rules
from inference.grammar.schema_nodes import (
    MAX_DEPTH,
    TYPES,
    Schema,
    are_disjoint,
    are_told_apart,
    check_keywords,
    count_of,
    merged,
    whole_bound,
)
from inference.grammar.string_formats import FORMATS

MAX_SCHEMA_CHARACTERS = 65536
#: Seldom more than a few schemas are used again and again.
_MAX_CACHED = 32


@functools.lru_cache(_MAX_CACHED)
def grammar_of(schema: str) -> str:
    """`schema` is JSON. Raises `InvalidRequest` naming the keyword that cannot be kept to."""
    if len(schema) > MAX_SCHEMA_CHARACTERS:
        raise InvalidRequest(f"The format's JSON schema is longer than {MAX_SCHEMA_CHARACTERS} characters.")
    try:
        value = json.loads(schema)
    except (ValueError, RecursionError):
        raise InvalidRequest("The format's JSON schema is not valid JSON.") from None
    rules = Rules()
    return rules.text(SchemaCompiler(value, rules, Values(rules)).rule())


class SchemaCompiler:
    """Of one document, whose references point into it; several may write their rules into one grammar."""

    def __init__(self, document: Any, rules: Rules, values: Values) -> None:
        self._document = document
        self._rules = rules
        self._values = values
        self._references: dict[str, str] = {}
        #: References that were followed without anything being written between them.
        self._followed: list[str] = []
        #: References whose rules are being written, and whether one of them came up again.
        self._open: set[str] = set()
        self._has_cycle = False
        self._unions: list[list[Any]] = []

    def rule(self) -> str:
        """The name of the rule for the whole document. Raises `InvalidRequest`."""
        root = self.visit(self._document, 0)
        if self._has_cycle and not all(are_told_apart(options, self._resolve) for options in self._unions):
            raise InvalidRequest(
                'format: a schema that contains itself is possible only where the alternatives of "anyOf" and "oneOf" differ '
                "in their type or in their first property: begin each with a required property with a const of its own."
            )
        return root

    def visit(self, schema: Any, depth: int) -> str:
        """The name of the rule for a schema."""
        if depth > MAX_DEPTH:
            raise InvalidRequest("The format's JSON schema is nested too deeply.")
        if schema is True or schema == {}:
            return self._values.rule(VALUE)
        if not isinstance(schema, dict):
            raise InvalidRequest("The format's JSON schema has a part that is not an object and allows nothing.")
        check_keywords(schema)
        if "$ref" in schema:
            return self._reference(schema, depth)
        if "allOf" in schema:
            return self.visit(merged(self._resolved(schema), self._resolve), depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._union(schema, keyword, depth)
        if "const" in schema or "enum" in schema:
            return self._constants(schema)
        types = schema.get("type", _implied_types(schema))
        names = [types] if isinstance(types, str) else types
        if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in TYPES for n in names):
            raise InvalidRequest('format: "type" has to be one of JSON\'s types, or a list of them.')
        return self._rules.add(" | ".join(dict.fromkeys(self._typed(schema, name, depth) for name in names)))

    def _typed(self, schema: Schema, name: str, depth: int) -> str:
        match name:
            case "object":
                return object_rule(schema, self._rules, self._values, lambda inner: self._inner(inner, depth))
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return self._number(schema, is_whole=name == "integer" or schema.get("multipleOf") == 1)
            case "boolean":
                return self._rules.add('"true" | "false"')
            case _:
                return self._rules.add('"null"')

    def _inner(self, schema: Any, depth: int) -> str:
        """Of a part that something is written before: what refers to itself through it ends sometime."""
        followed, self._followed = self._followed, []
        name = self.visit(schema, depth + 1)
        self._followed = followed
        return name

    def _reference(self, schema: Schema, depth: int) -> str:
        beside = self._resolved(schema)
        if len(beside) > 1:
            return self.visit(merged({"allOf": [{"$ref": schema["$ref"]}], **beside}, self._resolve), depth + 1)
        pointer = schema["$ref"]
        target = self._resolve(pointer)
        if pointer in self._followed:
            raise InvalidRequest(f'format: "$ref" {pointer} leads back to itself.')
        self._has_cycle |= pointer in self._open
        if pointer not in self._references:
            name = self._references[pointer] = self._rules.reserve()
            self._followed.append(pointer)
            self._open.add(pointer)
            self._rules.define(name, self.visit(target, depth + 1))
            self._open.remove(pointer)
            self._followed.pop()
        return self._references[pointer]

    def _resolve(self, pointer: Any) -> Any:
        """What a reference within the document points at (RFC 6901)."""
        if not isinstance(pointer, str) or not (pointer == "#" or pointer.startswith("#/")):
            raise InvalidRequest('format: "$ref" has to point into the schema itself, as in "#/$defs/name".')
        try:
            return at_pointer(self._document, pointer)
        except LookupError:
            raise InvalidRequest(f'format: "$ref" {pointer} points at nothing.') from None

    def _union(self, schema: Schema, keyword: str, depth: int) -> str:
        options = schema[keyword]
        if not isinstance(options, list) or not options:
            raise InvalidRequest(f'format: "{keyword}" has to be a list of schemas.')
        beside = {key: value for key, value in schema.items() if key != keyword}
        if self._resolved(beside):
            options = [merged({"allOf": [beside, option]}, self._resolve) for option in options]
        if keyword == "oneOf" and not are_disjoint(options, self._resolve):
            raise InvalidRequest(
                'format: "oneOf" is possible only where no value fits two of its schemas: use "anyOf", '
                "or give each a property with a const of its own."
            )
        self._unions.append(options)
        return self._rules.add(" | ".join(dict.fromkeys(self.visit(option, depth + 1) for option in options)))

    def _resolved(self, schema: Schema) -> Schema:
        """Without what says nothing of a value."""
        known = check_keywords(schema)
        return {key: value for key, value in schema.items() if key in known}

    def _constants(self, schema: Schema) -> str:
        return self._rules.add(" | ".join(constants_of(schema, set(self._resolved(schema)))))

    def _array(self, schema: Schema, depth: int) -> str:
        least, most = count_of(schema, "minItems", 0), count_of(schema, "maxItems", None)
        first = schema.get("prefixItems", [])
        if not isinstance(first, list) or (first and (most is not None or (least or 0) > len(first))):
            raise InvalidRequest('format: "prefixItems" is not possible beside "minItems" or "maxItems".')
        comma = self._values.comma
        if first:
            items = f" {comma} ".join(self._inner(item, depth) for item in first)
            if schema.get("items", False) not in (False, None):
                items += f" ({comma} {self._inner(schema['items'], depth)})*"
            return self._values.enclosed("[", items, "]")
        if most == 0 or schema.get("items") is False:
            return self._rules.add('"[]"')
        item = self._inner(schema.get("items", True), depth)
        more = self._rules.repeat(self._rules.add(f"{comma} {item}"), max((least or 0) - 1, 0), most and most - 1)
        return self._values.enclosed("[", f"{item} {more}", "]", may_be_empty=not least)

    def _string(self, schema: Schema) -> str:
        least, most = count_of(schema, "minLength", 0), count_of(schema, "maxLength", None)
        is_bounded = bool(least) or most is not None
        name = schema.get("format")
        pattern = FORMATS.get(name) if isinstance(name, str) else schema.get("pattern")
        if "format" in schema and (pattern is None or "pattern" in schema):
            raise InvalidRequest(f'format: "format" {json.dumps(name)} of a string is not possible here.')
        if pattern is None:
            body = self._rules.repeat(self._values.character, least or 0, most) if is_bounded else None
            return self._rules.add(f'"\\"" {body} "\\""') if body else self._values.rule(STRING)
        if is_bounded:
            raise InvalidRequest('format: "minLength" and "maxLength" are not possible beside "pattern" or "format".')
        if not isinstance(pattern, str):
            raise InvalidRequest('format: "pattern" has to be a string.')
        return self._rules.add(f'"\\"" {PatternReader(pattern, self._rules).expression()} "\\""')

    def _number(self, schema: Schema, *, is_whole: bool) -> str:
        if schema.get("multipleOf", 1) != 1:
            raise InvalidRequest('format: "multipleOf" is possible only with 1.')
        low, is_low_open = whole_bound(schema, "minimum", is_whole=is_whole)
        high, is_high_open = whole_bound(schema, "maximum", is_whole=is_whole)
        if low is None and high is None:
            return self._rules.add(INTEGER if is_whole else NUMBER)
        if is_whole:
            low = low + is_low_open if low is not None else None
            body = integer_between(low, high - is_high_open if high is not None else None)
        else:
            body = number_between(low, high, is_low_open=is_low_open, is_high_open=is_high_open)
        if not body:
            raise InvalidRequest('format: no number lies between "minimum" and "maximum".')
        return self._rules.add(body)


def _implied_types(schema: Schema) -> list[str]:
    """What a schema without `type` speaks of; of anything else it says nothing, and there is no need to write that."""
    for name, keywords in TYPES.items():
        if keywords & schema.keys():
            return [name]
    return ["object"] if not schema else list(TYPES)
