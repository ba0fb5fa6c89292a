"""Which calls of tools a piece of text means, in the notations of many models."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from inference.grammar.tag_forms import in_json_of
from inference.grammar.tool_calls import checked_schema
from inference.grammar.validity import is_valid

#: A call before it is numbered: the tool's name and its arguments.
Call = tuple[str, dict[str, Any]]

_ARGUMENTS = ("arguments", "parameters", "input")
_NAMES = ("name", "tool_name", "function", "tool")
_BESIDES = frozenset((*_NAMES, "id", "type", "index"))
#: As some models write what JSON calls otherwise.
_PYTHON_VALUES = {"True": True, "False": False, "None": None}
_MAX_WRAPPERS = 4
#: Before the arguments of a call of Kimi K2's: `functions.NAME:2`.
_COUNTED = re.compile(r"(?:functions\.)?([^\s<>|]+?)(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*\Z")


class Tools:
    """The tools that a request offers, in OpenAI's shape."""

    def __init__(self, tools: Sequence[Mapping[str, Any]], *, is_strict: bool = False) -> None:
        """`is_strict`: the schemas of all of them are kept to in every point, not only of those that say so."""
        self._is_strict = is_strict
        self._functions: dict[str, Mapping[str, Any]] = {}
        self._checked: dict[str, dict[str, Any]] = {}
        for tool in tools:
            function = tool.get("function")
            if isinstance(function, Mapping) and isinstance(function.get("name"), str) and function["name"]:
                self._functions[function["name"]] = function

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._functions

    def __bool__(self) -> bool:
        return bool(self._functions)

    def first_in(self, text: str) -> str | None:
        """The name that stands first in the text; of several there, the longest."""
        found = [(text.find(name), -len(name), name) for name in self._functions if name in text]
        return min(found)[2] if found else None

    def accept(self, call: Call) -> bool:
        """Whether the arguments keep to the tool's schema, as far as calls are kept to it."""
        name, arguments = call
        return is_valid(arguments, self._checked_schema(name))

    def in_json_of(self, name: str) -> frozenset[str]:
        """The tool's arguments that are JSON also where texts are written as they are."""
        return in_json_of(self._checked_schema(name))

    def call_in_tags(self, name: str, pairs: Sequence[tuple[str, str]]) -> Call:
        """Of arguments that were written between tags."""
        return name, {key: self._typed(name, key, text) for key, text in pairs}

    def _typed(self, name: str, key: str, text: str) -> Any:
        """What was written, by the schema: JSON where that is valid, unless it is a text in quotes and they may be meant."""
        value = _value_of(text)
        as_text, as_value = (self._takes(name, key, one) for one in (text, value))
        if as_text and (isinstance(value, str) or not as_value):
            return text
        if not as_value and text in _PYTHON_VALUES and self._takes(name, key, _PYTHON_VALUES[text]):
            return _PYTHON_VALUES[text]
        return value

    def _takes(self, name: str, key: str, value: Any) -> bool:
        schema = self._checked_schema(name)
        return is_valid({key: value}, {word: said for word, said in schema.items() if word != "required"})

    def _checked_schema(self, name: str) -> dict[str, Any]:
        if name not in self._checked:
            self._checked[name] = checked_schema(self._functions[name], is_strict=self._is_strict)
        return self._checked[name]


def _value_of(text: str) -> Any:
    """Of JSON; else the text itself."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def calls_in_json(text: str, head: str, tools: Tools) -> list[Call] | None:
    """Of a JSON value, `head` being what stands before it. None when it is no JSON or means anything but calls of `tools`."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if (counted := _COUNTED.search(head)) is not None:
        return [(counted[1], value)] if isinstance(value, dict) and counted[1] in tools else None
    items = value if isinstance(value, list) else [value]
    calls = [_call(item, tools) for item in items]
    if calls and None not in calls:
        return [call for call in calls if call is not None]
    name = tools.first_in(head)
    if name is None or not isinstance(value, dict):
        return None
    inner = _arguments(value)
    return [(name, inner if inner is not None and len(value) == 1 else value)]


def _call(item: Any, tools: Tools, depth: int = 0) -> Call | None:
    if not isinstance(item, dict) or depth > _MAX_WRAPPERS:
        return None
    name = next((item[key] for key in _NAMES if item.get(key) in tools), None)
    if name is not None:
        arguments = _arguments(item)
        if arguments is None and _BESIDES.issuperset(item):
            arguments = {}
        return None if arguments is None else (name, arguments)
    if len(item) == 1:
        ((key, inner),) = item.items()
        if key in tools and isinstance(inner, dict):
            nested = _arguments(inner)
            return (key, inner if nested is None else nested)
    wrapped = [inner for inner in item.values() if isinstance(inner, dict)]
    return _call(wrapped[0], tools, depth + 1) if len(wrapped) == 1 else None


def _arguments(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """An object, or one that is written as a string."""
    for key in _ARGUMENTS:
        value = item.get(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                continue
        if isinstance(value, dict):
            return value
    return None
