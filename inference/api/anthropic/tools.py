"""`tools` and `tool_choice` in Anthropic's shape, as `/api/chat` takes them."""

from collections.abc import Sequence
from typing import Any

from inference.api.anthropic.content import object_of, text_of
from inference.api.anthropic.schemas import AnthropicToolChoiceBody
from inference.errors import InvalidRequest

#: Beginnings of the types of tools that Anthropic's servers run.
_SERVER_TOOLS = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def read_client_tools(tools: Sequence[Any]) -> list[dict[str, Any]]:
    """Tools that servers of Anthropic would run are passed over beside others: clients offer them whoever answers. Where there is
    nothing else, the answer would not be what was asked for. Raises `InvalidRequest` naming the field at fault."""
    read, passed_over = [], ""
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        kind = object_of(tool, path).get("type")
        if kind is None or kind == "custom":
            read.append(_function(tool, path))
        elif isinstance(kind, str) and kind.startswith(_SERVER_TOOLS):
            passed_over = kind[:50]
        else:
            raise InvalidRequest(
                f"{path}.type must be custom: only tools with an input_schema can be offered to models here", f"{path}.type"
            )
    if passed_over and not read:
        raise InvalidRequest(f"{passed_over} is run by Anthropic's servers and is not available here", "tools")
    return read


def read_choice(choice: AnthropicToolChoiceBody | None) -> Any:
    """Raises `InvalidRequest`."""
    if choice is None:
        return None
    if choice.type == "tool":
        if not choice.name:
            raise InvalidRequest("tool_choice.name is required", "tool_choice.name")
        return {"type": "function", "function": {"name": choice.name}}
    if choice.type not in _CHOICES:
        raise InvalidRequest("tool_choice.type must be auto, any, tool or none", "tool_choice.type")
    return _CHOICES[choice.type]


def _function(tool: dict[str, Any], path: str) -> dict[str, Any]:
    function = {
        "name": text_of(tool.get("name"), f"{path}.name"),
        "parameters": object_of(tool.get("input_schema"), f"{path}.input_schema"),
    }
    if tool.get("description") is not None:
        function["description"] = text_of(tool["description"], f"{path}.description")
    return {"type": "function", "function": function}
