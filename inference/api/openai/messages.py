"""A conversation in OpenAI's shape, as `/api/chat` has it."""

import json
from collections.abc import Sequence
from typing import Any

from inference.api.openai.content import read_content
from inference.api.openai.schemas import ChatMessageBody
from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest

#: Names of the same speaker; other roles are the template's to know.
_ROLES = {"developer": "system", "function": "tool"}


def read_messages(messages: Sequence[ChatMessageBody]) -> list[MessageBody]:
    """Raises `InvalidRequest` naming the field at fault."""
    if not messages:
        raise InvalidRequest("[] is too short - 'messages'", "messages")
    return [_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def _message(message: ChatMessageBody, path: str) -> MessageBody:
    role = message.role.lower()
    if not role:
        raise InvalidRequest(f"{path}.role is required", f"{path}.role")
    content = read_content(message.content, f"{path}.content")
    return MessageBody(
        role=_ROLES.get(role, role),
        content=content.text,
        images=content.images,
        thinking=message.reasoning or message.reasoning_content,
        tool_calls=_calls(message, path),
        tool_name=message.name if role in ("function", "tool") else "",
        tool_call_id=message.tool_call_id,
    )


def _calls(message: ChatMessageBody, path: str) -> list[dict[str, Any]]:
    calls = [read_call(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(message.tool_calls)]
    if message.function_call is not None:
        calls.append({"function": _function(message.function_call, f"{path}.function_call")})
    return calls


def read_call(call: dict[str, Any], path: str) -> dict[str, Any]:
    """A call of an earlier answer, its arguments as an object. Raises `InvalidRequest`."""
    kind = call.get("type") or "function"
    if kind != "function":
        raise InvalidRequest(f"{path}.type must be function: no other tools can be called here", f"{path}.type")
    read: dict[str, Any] = {"function": _function(call.get("function"), f"{path}.function")}
    if isinstance(call.get("id"), str):
        read["id"] = call["id"]
    return read


def _function(function: Any, path: str) -> dict[str, Any]:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise InvalidRequest(f"{path}.name is required", f"{path}.name")
    return {"name": function["name"], "arguments": read_arguments(function.get("arguments"), f"{path}.arguments")}


def read_arguments(arguments: Any, path: str) -> dict[str, Any]:
    """An object, also as JSON in a text, which is OpenAI's way. Raises `InvalidRequest`."""
    if arguments is None or arguments == "":
        return {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise InvalidRequest("invalid tool call arguments", path) from None
    if not isinstance(arguments, dict):
        raise InvalidRequest("invalid tool call arguments", path)
    return arguments
