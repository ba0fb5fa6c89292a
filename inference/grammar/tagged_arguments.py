"""Rules for a call's arguments between tags, each valid by the schema of its property."""

import json
from collections.abc import Callable
from typing import Any

from inference.errors import InvalidRequest
from inference.grammar.characters import ANY, CharacterSet, literal, plain, united, without
from inference.grammar.pattern import PatternReader
from inference.grammar.rules import Rules
from inference.grammar.schema_nodes import Resolve, Schema, count_of, merged
from inference.grammar.string_formats import FORMATS
from inference.grammar.tag_forms import TagForm, is_any_text, is_text, resolver_of

_ABOUT_OBJECTS = {"type", "properties", "required", "additionalProperties", "minProperties", "maxProperties"}
#: Of a bounded text: a tag could not be told from its own characters while these are counted.
_NO_TAG: CharacterSet = ((0x3C, 0x3C),)


class TaggedArguments:
    """Writes rules into one grammar, for one notation."""

    def __init__(self, form: TagForm, rules: Rules, space: str) -> None:
        """`space` is the rule for the white space between tags."""
        self._form = form
        self._rules = rules
        self._space = space
        self._any_text = ""

    def rule(self, schema: Schema, visit: Callable[[Any], str]) -> str:
        """The name of the rule for all arguments, in the order of the schema's properties; `visit` gives the rule of a value
        as JSON. Raises `InvalidRequest` for a schema that this notation cannot be kept to."""
        resolve = resolver_of(schema)
        flat = merged(schema, resolve)
        properties, required = flat.get("properties", {}), flat.get("required", [])
        if flat.keys() - _ABOUT_OBJECTS or not isinstance(properties, dict) or not isinstance(required, list):
            raise InvalidRequest("format: this object cannot be written between tags.")
        if not properties and flat.get("additionalProperties") is not False:
            raise InvalidRequest("format: properties without names cannot be written between tags.")
        unnamed = flat.get("additionalProperties", True)
        properties = properties | {name: unnamed for name in required if name not in properties}
        parts = [
            self._argument(name, inner, resolve, visit, is_required=name in required)
            for name, inner in properties.items()
            if inner is not False or name in required
        ]
        return self._rules.add(" ".join(parts) or '""')

    def _argument(self, name: str, inner: Any, resolve: Resolve, visit: Callable[[Any], str], *, is_required: bool) -> str:
        form, space = self._form, self._space
        if not name or name != name.strip() or any(character in name for character in "<>\n"):
            raise InvalidRequest(f"format: the name {json.dumps(name)} cannot be written between tags.")
        value = self._text(inner, resolve) if is_text(inner, resolve) else f"{visit(inner)} {literal(form.margin + form.closing)}"
        after_key = f" {space} ".join(literal(part) for part in form.after_key)
        margin = f" {literal(form.margin)}" if form.margin else ""
        argument = self._rules.add(f"{space} {literal(form.opening + name)} {after_key}{margin} {value}")
        return argument if is_required else f"{argument}?"

    def _text(self, schema: Any, resolve: Resolve) -> str:
        """An expression for a text and the tag after it."""
        if is_any_text(schema, resolve):
            return self._text_up_to_closing()
        closing = self._form.margin + self._form.closing
        return f"{self._bounded(merged(schema, resolve), resolve)} {literal(closing)}"

    def _bounded(self, flat: Schema, resolve: Resolve) -> str:
        for keyword in ("anyOf", "oneOf"):
            if keyword in flat:
                options = [self._bounded(merged(option, resolve), resolve) for option in flat[keyword]]
                return self._rules.add(" | ".join(options))
        if "const" in flat or "enum" in flat:
            listed = [flat["const"]] if "const" in flat else flat["enum"]
            if not listed or any(self._form.closing in value for value in listed):
                raise InvalidRequest("format: a value cannot be written between tags.")
            return self._rules.add(" | ".join(literal(value) for value in listed))
        name = flat.get("format")
        pattern = flat.get("pattern") if name is None else FORMATS.get(name)
        if pattern is not None:
            return PatternReader(pattern, self._rules, write=_outside_tags).expression()
        least, most = count_of(flat, "minLength", 0), count_of(flat, "maxLength", None)
        return self._rules.repeat(self._rules.add(_outside_tags(ANY)), least or 0, most)

    def _text_up_to_closing(self) -> str:
        """The rule for any text up to the tag that closes it, with the tag; the tag without the margin is not in it."""
        if not self._any_text:
            form = self._form
            self._any_text = up_to(form.margin + form.closing, self._rules, never=form.closing if form.margin else "")
        return self._any_text


def up_to(end: str, rules: Rules, *, never: str = "") -> str:
    """The rule for any text that contains `end` at its end and nowhere before, nor `never` but within `end`.

    One rule for each beginning of the two that may just have come (Knuth, Morris and Pratt), with what each next character
    makes of it.
    """
    patterns = [pattern for pattern in (end, never) if pattern]
    states = dict.fromkeys(pattern[:size] for pattern in patterns for size in range(len(pattern)))
    names = {state: rules.reserve() for state in states}
    known = sorted(set("".join(patterns)))
    other = plain(without(ANY, united((ord(character), ord(character)) for character in known)))
    for state, name in names.items():
        options = []
        for character in known:
            text = state + character
            if text.endswith(end):
                options.append(literal(character))
            elif not never or not text.endswith(never):
                following = next(text[start:] for start in range(len(text) + 1) if text[start:] in names)
                options.append(f"{literal(character)} {names[following]}")
        rules.define(name, " | ".join([*options, f"{other} {names['']}"]))
    return names[""]


def _outside_tags(characters: CharacterSet) -> str:
    """GBNF for one character of the set in a text that no tag is to be found in."""
    return plain(without(characters, _NO_TAG))
