"""Tools in requests: what is offered, what may and what has to be called, what was called earlier."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest

MAX_TOOL_DEPTH = 33
_MAX_TOOLS = 512
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class ToolChoice:
    """Whether the model calls tools: never, as it likes, or at least one, which may be named."""

    mode: Literal["none", "auto", "required"] = "auto"
    name: str = ""

    def callable(self, tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those of the tools that may be called."""
        if self.mode == "none":
            return []
        return [tool for tool in tools if not self.name or tool["function"]["name"] == self.name]


def read_tools(tools: Sequence[Any]) -> list[dict[str, Any]]:
    """Raises `InvalidRequest` naming the one at fault."""
    if len(tools) > _MAX_TOOLS:
        raise InvalidRequest(f"the request has {len(tools)} tools; at most {_MAX_TOOLS} are possible", "tools")
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            raise InvalidRequest(f"tools[{index}] must be an object with function.name", f"tools[{index}]")
        if depth_of(tool) > MAX_TOOL_DEPTH:
            raise InvalidRequest(f"tools[{index}] is nested too deeply", f"tools[{index}]")
    return list(tools)


def read_tool_choice(value: Any, tools: Sequence[dict[str, Any]]) -> ToolChoice:
    """OpenAI's `tool_choice`; None and "" are "auto". Raises `InvalidRequest` also where it asks for a call of what the request
    does not offer."""
    match value:
        case None | "":
            return ToolChoice()
        case "none" | "auto":
            return ToolChoice(value)
        case "required":
            if not tools:
                raise InvalidRequest('tool_choice "required" needs tools to choose from', "tool_choice")
            return ToolChoice("required")
        case {"type": "function", "function": {"name": str(name)}}:
            if not any(tool["function"]["name"] == name for tool in tools):
                shown = json.dumps(name[:_SHOWN_CHARACTERS], ensure_ascii=False)
                raise InvalidRequest(f"tool_choice names {shown}, which is none of the request's tools", "tool_choice")
            return ToolChoice("required", name)
    raise InvalidRequest(
        'tool_choice must be "none", "auto", "required" or {"type": "function", "function": {"name": …}}', "tool_choice"
    )


def earlier_calls(message: MessageBody) -> list[dict[str, Any]] | None:
    """Calls of an earlier answer, their arguments as objects also where a client sends them as JSON in a text."""
    return [_with_object(call) for call in message.tool_calls] or None


def called_names(messages: Sequence[MessageBody]) -> dict[str, str]:
    """The tool of each earlier call, by the call's id."""
    names = {}
    for message in messages:
        for call in message.tool_calls:
            function, identifier = call.get("function"), call.get("id")
            if isinstance(identifier, str) and isinstance(function, Mapping) and isinstance(function.get("name"), str):
                names[identifier] = function["name"]
    return names


def depth_of(value: object) -> int:
    """How deep lists and objects are nested."""
    depth, level = 0, [value]
    while level:
        level = [inner for outer in level for inner in _inside(outer)]
        depth += 1
    return depth


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _with_object(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = json.loads(function["arguments"] or "{}")
    except (ValueError, RecursionError):
        return call
    return {**call, "function": {**function, "arguments": arguments}} if isinstance(arguments, dict) else call
