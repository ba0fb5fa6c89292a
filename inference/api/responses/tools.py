"""`tools` and `tool_choice` of the Responses API, as chat completions have them."""

from collections.abc import Sequence
from typing import Any

from inference.api.openai.tools import OfferedTools, chosen
from inference.errors import InvalidRequest

#: Clients such as Codex offer it beside their own tools, whoever answers.
_WEB_SEARCH = "web_search"


def read_response_tools(tools: Sequence[Any], choice: Any) -> OfferedTools:
    """Web search is passed over beside functions, and refused alone: the answer would not be what was asked for. Raises
    `InvalidRequest` naming the field at fault."""
    functions, has_search = [], False
    for index, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "function":
            functions.append(_function(tool, f"tools[{index}]"))
        elif isinstance(kind, str) and kind.startswith(_WEB_SEARCH):
            has_search = True
        else:
            path = f"tools[{index}].type"
            raise InvalidRequest(f"{path} must be function: no other tools can be called here", path)
    if has_search and not functions:
        raise InvalidRequest("web search is run by OpenAI's servers and is not available here", "tools")
    return chosen(functions, _choice(choice))


def _function(tool: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(tool.get("name"), str):
        raise InvalidRequest(f"{path}.name must be a string", f"{path}.name")
    fields = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: tool[name] for name in fields if tool.get(name) is not None}}


def _choice(choice: Any) -> Any:
    """Names lie one level deeper in chat completions."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") == "function":
        return _reference(choice)
    if choice.get("type") == "allowed_tools":
        tools = choice.get("tools")
        named = [_reference(tool) for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else tools
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.get("mode"), "tools": named}}
    return choice


def _reference(tool: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": tool.get("name")}}
