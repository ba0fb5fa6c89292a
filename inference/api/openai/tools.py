"""`tools` and `tool_choice` in OpenAI's shape, as `/api/chat` takes them."""

from dataclasses import dataclass
from typing import Any

from inference.api.openai.schemas import ChatCompletionBody
from inference.errors import InvalidRequest


@dataclass(frozen=True)
class OfferedTools:
    tools: list[Any]
    #: As `read_tool_choice` takes it.
    choice: Any = None


def read_offered_tools(body: ChatCompletionBody) -> OfferedTools:
    """Raises `InvalidRequest` naming the field at fault."""
    if body.functions or body.function_call is not None:
        field = "functions" if body.functions else "function_call"
        raise InvalidRequest(f"{field} is not supported; use tools and tool_choice", field)
    for index, tool in enumerate(body.tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in (None, "function"):
            path = f"tools[{index}].type"
            raise InvalidRequest(f"{path} must be function: no other tools can be called here", path)
    return chosen(body.tools, body.tool_choice)


def chosen(tools: list[Any], choice: Any) -> OfferedTools:
    """What OpenAI has beside the choices that `/api/chat` knows."""
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        return _allowed(tools, choice.get("allowed_tools"))
    return OfferedTools(tools, choice)


def _allowed(tools: list[Any], allowed: Any) -> OfferedTools:
    """Only those named are offered, so that none of the others can be called."""
    names = allowed.get("tools") if isinstance(allowed, dict) else None
    mode = allowed.get("mode") if isinstance(allowed, dict) else None
    if not isinstance(names, list) or mode not in ("auto", "required"):
        raise InvalidRequest('tool_choice.allowed_tools must have a "mode", auto or required, and "tools"', "tool_choice")
    wanted = [_name_of(tool) for tool in names]
    offered = [tool for tool in tools if _name_of(tool) in wanted]
    if not offered:
        raise InvalidRequest("tool_choice allows none of the tools", "tool_choice")
    return OfferedTools(offered, mode)


def _name_of(tool: Any) -> str | None:
    """Of a tool, or of a reference to one."""
    function = tool.get("function") if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None
