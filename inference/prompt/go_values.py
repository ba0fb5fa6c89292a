"""A conversation and its tools as the structs that Ollama's templates see: field names, JSON and order are Ollama's.

What a JSON schema says beyond the fields that Ollama knows stays in the JSON, after those.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from inference.prompt.go_template.values import OrderedMap, Record, RecordList, TypeNames
from inference.runner.messages import ChatMessage

_PROPERTY_KEYS = ("anyOf", "type", "items", "description", "enum", "properties", "required")
_PARAMETER_KEYS = ("type", "$defs", "items", "required", "properties")
_FUNCTION_KEYS = ("name", "description", "parameters")
_TOOL_KEYS = ("type", "items", "function")
_MAX_DEPTH = 32


def message_values(messages: Sequence[ChatMessage]) -> list[Record]:
    return [_message(message) for message in messages]


def tool_values(tools: Sequence[Mapping[str, Any]]) -> RecordList:
    """Of a request's `tools`, in OpenAI's shape."""
    return RecordList(_tool(tool) for tool in tools)


def _message(message: ChatMessage) -> Record:
    calls = [_call(call, index) for index, call in enumerate(message.tool_calls or [])]
    fields = {
        "Role": message.role,
        "Content": message.content,
        "Thinking": message.thinking or "",
        "Images": list(message.images),
        "ToolCalls": calls,
        "ToolName": message.tool_name or "",
        "ToolCallID": message.tool_call_id or "",
    }
    shown = {"role": message.role, "content": message.content, "thinking": message.thinking, "tool_calls": calls}
    shown |= {"tool_name": message.tool_name, "tool_call_id": message.tool_call_id}
    return Record(fields, OrderedMap({key: value for key, value in shown.items() if value or key in ("role", "content")}))


def _call(call: Mapping[str, Any], index: int) -> Record:
    function = _mapping(call.get("function"))
    arguments = OrderedMap(_mapping(function.get("arguments")))
    number = function.get("index", index)
    inner = {"Index": number if isinstance(number, int) else index, "Name": _text(function.get("name")), "Arguments": arguments}
    as_json = OrderedMap(index=inner["Index"], name=inner["Name"], arguments=arguments)
    identifier = _text(call.get("id"))
    return Record(
        {"ID": identifier, "Function": Record(inner, as_json)},
        OrderedMap({"id": identifier} if identifier else {}) | {"function": as_json},
    )


def _tool(tool: Mapping[str, Any]) -> Record:
    function = _mapping(tool.get("function"))
    parameters = _parameters(_mapping(function.get("parameters")))
    shown_function = _ordered({**function, "parameters": parameters}, _FUNCTION_KEYS)
    fields = {
        "Name": _text(function.get("name")),
        "Description": _text(function.get("description")),
        "Parameters": parameters,
    }
    inner = Record(fields, shown_function, prints_json=True)
    shown = _ordered({"type": "function", **tool, "function": shown_function}, _TOOL_KEYS)
    return Record({"Type": _text(tool.get("type")) or "function", "Function": inner}, shown, prints_json=True)


def _parameters(schema: Mapping[str, Any]) -> Record:
    properties = _properties(schema, 0)
    names = [name for name in _list(schema.get("required")) if isinstance(name, str)]
    fields = {
        "Type": _text(schema.get("type")) or "object",
        "Defs": schema.get("$defs"),
        "Items": schema.get("items"),
        "Required": names,
        "Properties": properties,
    }
    shown = _ordered({"type": "object", **schema, "properties": properties}, _PARAMETER_KEYS)
    return Record(fields, shown, prints_json=True)


def _properties(schema: Mapping[str, Any], depth: int) -> OrderedMap:
    return OrderedMap({name: _property(_mapping(value), depth + 1) for name, value in _mapping(schema.get("properties")).items()})


def _property(schema: Mapping[str, Any], depth: int) -> Record:
    if depth > _MAX_DEPTH:
        return Record({}, OrderedMap())
    types = schema.get("type")
    names = TypeNames([types] if isinstance(types, str) else [name for name in _list(types) if isinstance(name, str)])
    alternatives = [_property(_mapping(item), depth + 1) for item in _list(schema.get("anyOf"))]
    properties = _properties(schema, depth)
    shown = {**schema, "anyOf": alternatives, "type": names, "properties": properties}
    fields = {
        "AnyOf": alternatives,
        "Type": names,
        "Items": schema.get("items"),
        "Description": _text(schema.get("description")),
        "Enum": _list(schema.get("enum")),
        "Properties": properties,
        "Required": _list(schema.get("required")),
    }
    return Record(
        fields, _ordered({key: value for key, value in shown.items() if value or key not in _PROPERTY_KEYS}, _PROPERTY_KEYS)
    )


def _ordered(value: Mapping[str, Any], first: Sequence[str]) -> OrderedMap:
    return OrderedMap({key: value[key] for key in first if key in value} | {key: value[key] for key in value if key not in first})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
