"""Which calls of tools a piece of text means, in the notations of many models."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from inference.grammar.tool_calls import checked_schema
from inference.grammar.validity import is_valid

#: A call before it is numbered: the tool's name and its arguments.
Call = tuple[str, dict[str, Any]]

_ARGUMENTS = ("arguments", "parameters", "input")
_NAMES = ("name", "tool_name", "function", "tool")
_BESIDES = frozenset((*_NAMES, "id", "type", "index"))
_PARAMETER = re.compile(r"<parameter=([^>]*)>\n?(.*?)\n?</parameter>", re.DOTALL)
_PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_MAX_WRAPPERS = 4


class Tools:
    """The tools that a request offers, in OpenAI's shape."""

    def __init__(self, tools: Sequence[Mapping[str, Any]], *, is_strict: bool = False) -> None:
        """`is_strict`: the schemas of all of them are kept to in every point, not only of those that say so."""
        self._is_strict = is_strict
        self._functions: dict[str, Mapping[str, Any]] = {}
        self._schemas: dict[str, Mapping[str, Any]] = {}
        for tool in tools:
            function = tool.get("function")
            if isinstance(function, Mapping) and isinstance(function.get("name"), str) and function["name"]:
                schema = function.get("parameters")
                self._functions[function["name"]] = function
                self._schemas[function["name"]] = schema if isinstance(schema, Mapping) else {}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._schemas

    def __bool__(self) -> bool:
        return bool(self._schemas)

    def first_in(self, text: str) -> str | None:
        """The name that stands first in the text; of several there, the longest."""
        found = [(text.find(name), -len(name), name) for name in self._schemas if name in text]
        return min(found)[2] if found else None

    def accept(self, call: Call) -> bool:
        """Whether the arguments keep to the tool's schema, as far as calls are kept to it."""
        name, arguments = call
        return is_valid(arguments, checked_schema(self._functions[name], is_strict=self._is_strict))

    def typed(self, name: str, key: str, text: str) -> Any:
        """A value that was written as plain text, by the schema: JSON, unless a string is wanted or it is none."""
        properties = self._schemas[name].get("properties")
        schema = properties.get(key) if isinstance(properties, Mapping) else None
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        if kind == "string":
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text


def calls_in_json(text: str, head: str, tools: Tools) -> list[Call] | None:
    """Of a JSON value, `head` being what stands before it. None when it is no JSON or means anything but calls of `tools`."""
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    items = value if isinstance(value, list) else [value]
    calls = [_call(item, tools) for item in items]
    if calls and None not in calls:
        return [call for call in calls if call is not None]
    name = tools.first_in(head)
    if name is None or not isinstance(value, dict):
        return None
    inner = _arguments(value)
    return [(name, inner if inner is not None and len(value) == 1 else value)]


def call_in_function_tag(text: str, tools: Tools) -> list[Call] | None:
    """`<function=name><parameter=key>value</parameter>…</function>`."""
    name, _, body = text.removeprefix("<function=").partition(">")
    name = name.strip()
    if name not in tools:
        return None
    inside = body.removesuffix("</function>").strip()
    if inside.startswith("{"):
        return calls_in_json(inside, name, tools)
    return [(name, {key.strip(): tools.typed(name, key.strip(), value) for key, value in _PARAMETER.findall(body)})]


def call_in_pairs(head: str, text: str, tools: Tools) -> list[Call] | None:
    """A tool's name, then `<arg_key>key</arg_key><arg_value>value</arg_value>…`."""
    name = head.strip()
    if name not in tools:
        return None
    return [(name, {key.strip(): tools.typed(name, key.strip(), value) for key, value in _PAIR.findall(text)})]


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
