"""`tools` and `tool_choice` of the Responses API, as chat completions have them.

Models know functions with one name. A namespace's tools get names made of both; a custom tool, which takes a text, is a function
with that text as its only argument. `ResponseTools` leads back from a function to the tool that the client knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.api.openai.tools import OfferedTools, chosen
from inference.errors import InvalidRequest

#: Run by OpenAI's servers, or found through them. Clients such as Codex offer them beside their own tools, whoever answers.
_SERVER_TOOLS = ("web_search", "file_search", "code_interpreter", "image_generation", "mcp", "tool_search")
#: Of a custom tool's function.
_INPUT = "input"


@dataclass(frozen=True)
class ClientTool:
    """A tool as the client knows it."""

    name: str
    namespace: str = ""
    #: Takes a text in place of arguments.
    is_custom: bool = False


@dataclass
class ResponseTools:
    offered: OfferedTools = field(default_factory=lambda: OfferedTools([]))
    #: By the names of their functions.
    known: dict[str, ClientTool] = field(default_factory=dict)

    def function_name(self, name: str, namespace: str = "") -> str:
        """Of the tool of that name, also where it is not offered any more."""
        for function, tool in self.known.items():
            if (tool.name, tool.namespace) == (name, namespace):
                return function
        return f"{namespace.rstrip('_')}__{name}" if namespace else name

    def client_tool(self, function_name: str) -> ClientTool:
        return self.known.get(function_name) or ClientTool(function_name)

    def add(self, tool: ClientTool) -> str:
        """The name of its function, which no other has."""
        name = self.function_name(tool.name, tool.namespace)
        while self.known.get(name, tool) != tool:
            name += "_"
        self.known[name] = tool
        return name


def read_response_tools(tools: Sequence[Any], choice: Any) -> ResponseTools:
    """What servers of OpenAI would run is passed over beside others, and refused alone: the answer would not be what was asked
    for. Raises `InvalidRequest` naming the field at fault."""
    read = ResponseTools()
    functions, passed_over = [], ""
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind == "namespace":
            functions += _members(read, tool, path)
        elif kind in ("function", "custom"):
            functions.append(_function(read, tool, "", path))
        elif isinstance(kind, str) and kind.startswith(_SERVER_TOOLS):
            passed_over = kind[:50]
        else:
            raise InvalidRequest(
                f"{path}.type must be function, custom or namespace: no other tools can be called here", f"{path}.type"
            )
    if passed_over and not functions:
        raise InvalidRequest(f"{passed_over} is run by OpenAI's servers and is not available here", "tools")
    read.offered = chosen(functions, _choice(read, choice))
    return read


def custom_arguments(text: str) -> dict[str, Any]:
    """Of a custom tool's function."""
    return {_INPUT: text}


def custom_input(arguments: dict[str, Any]) -> str | None:
    """The text that a custom tool gets; None where its function was called with anything else."""
    text = arguments.get(_INPUT)
    return text if isinstance(text, str) else None


def _members(read: ResponseTools, namespace: dict[str, Any], path: str) -> list[dict[str, Any]]:
    name, members = _name_of(namespace, path), namespace.get("tools")
    if not isinstance(members, list):
        raise InvalidRequest(f"{path}.tools must be an array", f"{path}.tools")
    functions = []
    for index, member in enumerate(members):
        member_path = f"{path}.tools[{index}]"
        if not isinstance(member, dict) or member.get("type") not in ("function", "custom"):
            raise InvalidRequest(f"{member_path}.type must be function or custom", f"{member_path}.type")
        functions.append(_function(read, member, name, member_path))
    return functions


def _function(read: ResponseTools, tool: dict[str, Any], namespace: str, path: str) -> dict[str, Any]:
    is_custom = tool["type"] == "custom"
    name = read.add(ClientTool(_name_of(tool, path), namespace, is_custom))
    if is_custom:
        return {"type": "function", "function": {"name": name, **_text_function(tool)}}
    fields = ("description", "parameters", "strict")
    return {"type": "function", "function": {"name": name} | {key: tool[key] for key in fields if tool.get(key) is not None}}


def _text_function(tool: dict[str, Any]) -> dict[str, Any]:
    """The format of the text is told to the model, which may keep to it; grammars here are others."""
    description, form = tool.get("description"), tool.get("format")
    lines = [description] if isinstance(description, str) else []
    if isinstance(form, dict) and isinstance(form.get("definition"), str):
        syntax = form.get("syntax") if isinstance(form.get("syntax"), str) else "grammar"
        lines.append(f"{_INPUT} has to match this {syntax} definition:\n{form['definition']}")
    parameters = {
        "type": "object",
        "properties": {_INPUT: {"type": "string"}},
        "required": [_INPUT],
        "additionalProperties": False,
    }
    return {"description": "\n\n".join(lines), "parameters": parameters}


def _name_of(tool: dict[str, Any], path: str) -> str:
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"{path}.name must be a string", f"{path}.name")
    return name


def _choice(read: ResponseTools, choice: Any) -> Any:
    """Names lie one level deeper in chat completions."""
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") in ("function", "custom"):
        return _reference(read, choice)
    if choice.get("type") == "allowed_tools":
        tools = choice.get("tools")
        named = [_reference(read, tool) for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else tools
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.get("mode"), "tools": named}}
    return choice


def _reference(read: ResponseTools, tool: dict[str, Any]) -> dict[str, Any]:
    name, namespace = tool.get("name"), tool.get("namespace")
    if isinstance(name, str):
        name = read.function_name(name, namespace if isinstance(namespace, str) else "")
    return {"type": "function", "function": {"name": name}}
