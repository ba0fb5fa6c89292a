"""Rules for objects: which properties, in which order, with which others."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.characters import CharacterSet, complement, in_json_string, json_literal, literal, united
from inference.grammar.json_values import OBJECT, Values
from inference.grammar.rules import Rules
from inference.grammar.schema_nodes import Schema, count_of


def object_rule(schema: Schema, rules: Rules, values: Values, visit: Callable[[Any], str]) -> str:
    """The name of the rule. `visit` gives the rule of a property's schema."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list) or not all(isinstance(n, str) for n in required):
        raise InvalidRequest('format: "properties" has to be an object and "required" a list of names.')
    others = schema.get("additionalProperties", not properties)
    _check_counts(schema, len(set(required)))
    if not properties and not required and others in (True, {}):
        return values.rule(OBJECT)
    # Required ones that nothing more is said of.
    unnamed = schema.get("additionalProperties", True)
    properties = properties | {name: unnamed for name in required if name not in properties}
    if any(properties[name] is False for name in required):
        raise InvalidRequest('format: "required" names a property that is not allowed.')
    pairs = [
        (rules.add(f"{json_literal(name)} {values.colon} {visit(inner)}"), name in required)
        for name, inner in properties.items()
        if inner is not False
    ]
    more = None
    if others is not False:
        pair = rules.add(f'"\\"" {_names_but(properties, rules, values)} "\\"" {values.colon} {visit(others)}')
        more = rules.add(f"({values.comma} {pair})*")
        return _sequence(pairs, rules, values, more, f"{pair} {more}")
    return _sequence(pairs, rules, values, more, None)


def _check_counts(schema: Schema, num_required: int) -> None:
    if (count_of(schema, "minProperties", 0) or 0) > num_required:
        raise InvalidRequest('format: "minProperties" is possible only up to the number of required properties.')
    most = count_of(schema, "maxProperties", None)
    if most is not None and (most < len(schema.get("properties", {})) or schema.get("additionalProperties") is not False):
        raise InvalidRequest('format: "maxProperties" is possible only where no more properties are allowed anyway.')


def _sequence(pairs: list[tuple[str, bool]], rules: Rules, values: Values, more: str | None, only_more: str | None) -> str:
    """The pairs in order with commas between those that are there. `more` follows them; `only_more` stands in their place."""
    tail, tails = more or '""', [""] * len(pairs)
    for index in range(len(pairs) - 1, -1, -1):
        tails[index] = tail
        pair, is_required = pairs[index]
        following = f"{values.comma} {pair}" if is_required else f"({values.comma} {pair})?"
        tail = rules.add(f"{following} {tail}")
    beginnings = []
    for index, (pair, is_required) in enumerate(pairs):
        beginnings.append(f"{pair} {tails[index]}")
        if is_required:
            break
    else:
        beginnings += [only_more] if only_more else []
        if not beginnings:
            return rules.add('"{}"')
        return values.enclosed("{", rules.add(" | ".join(beginnings)), "}", may_be_empty=True)
    return values.enclosed("{", rules.add(" | ".join(beginnings)), "}")


def _names_but(names: Iterable[str], rules: Rules, values: Values) -> str:
    """A rule for the inside of every string that is none of these: a property is not to come twice."""
    raw = {json.dumps(name, ensure_ascii=False)[1:-1] for name in names}
    plain = in_json_string(complement(((0x22, 0x22), (0x5C, 0x5C))))
    if any("\\" in name for name in raw):
        raise InvalidRequest('format: "additionalProperties" is not possible beside a property with special characters.')
    return _without(raw, rules, rules.add(f"({plain})*"))


def _without(names: set[str], rules: Rules, anything: str) -> str:
    """What may follow a beginning that these names, less that beginning, have in common."""
    if not names:
        return anything
    by_first: dict[str, set[str]] = {}
    for name in names - {""}:
        by_first.setdefault(name[0], set()).add(name[1:])
    firsts: CharacterSet = united((ord(first), ord(first)) for first in [*by_first, '"', "\\"])
    options = [f"{literal(first)} {_without(rest, rules, anything)}" for first, rest in sorted(by_first.items())]
    options.append(f"{in_json_string(complement(firsts))} {anything}")
    options += [] if "" in names else ['""']
    return rules.add(" | ".join(options))
