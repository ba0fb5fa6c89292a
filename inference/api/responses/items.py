"""`input`: the conversation as items, as `/api/chat` has it."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference.api.openai.content import read_image_url
from inference.api.openai.messages import read_arguments
from inference.api.responses.tools import ResponseTools, custom_arguments
from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest

_ROLES = {"developer": "system", "system": "system", "user": "user", "assistant": "assistant"}
_TEXT_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
#: What OpenAI's servers did for an earlier answer, whose text says what came of it.
_RECORDS = {
    "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_list_tools", "mcp_call",
    "tool_search_call", "tool_search_output",
}  # fmt: skip
#: With which what `encode_thinking` makes begins: others' cannot be read here.
_MARK = "hearth:"


@dataclass
class _Answer:
    """Items that one answer was made of: templates want them as one message."""

    thinking: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def message(self) -> MessageBody:
        return MessageBody(
            role="assistant", thinking="\n".join(self.thinking), content="\n".join(self.texts), tool_calls=self.calls
        )


class ItemReader:
    """Of one request's `input`."""

    def __init__(self, tools: ResponseTools) -> None:
        self.messages: list[MessageBody] = []
        self._tools = tools
        self._answer: _Answer | None = None

    def read(self, items: Any) -> list[MessageBody]:
        """Raises `InvalidRequest` naming the field at fault."""
        if items is None or items in ("", []):
            raise InvalidRequest("input is required", "input")
        if isinstance(items, str):
            return [MessageBody(role="user", content=items)]
        if not isinstance(items, list):
            raise InvalidRequest("input must be a string or an array of items", "input")
        for index, item in enumerate(items):
            self._item(item, f"input[{index}]")
        self._end_answer()
        if not self.messages:
            raise InvalidRequest("input has no message", "input")
        return self.messages

    def _item(self, item: Any, path: str) -> None:
        if not isinstance(item, dict):
            raise InvalidRequest(f"{path} must be an object", path)
        kind = item.get("type") or ("message" if "role" in item else None)
        readers: dict[Any, Callable[[dict[str, Any], str], None]] = {
            "message": self._message,
            "function_call": self._function_call,
            "function_call_output": self._call_output,
            "custom_tool_call": self._custom_call,
            "custom_tool_call_output": self._call_output,
            "reasoning": self._reasoning,
        }
        if isinstance(kind, str) and kind in _RECORDS:
            return
        if kind == "item_reference":
            raise InvalidRequest(f"{path} refers to an item of an earlier answer: nothing is kept here, send it whole", path)
        if not isinstance(kind, str) or kind not in readers:
            shown = f'"{kind[:50]}"' if isinstance(kind, str) else "without a type"
            raise InvalidRequest(f"items {shown} are not supported; {', '.join(readers)} are", f"{path}.type")
        readers[kind](item, path)

    def _message(self, item: dict[str, Any], path: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise InvalidRequest(f"{path}.role must be one of {', '.join(_ROLES)}", f"{path}.role")
        text, images = read_parts(item.get("content"), f"{path}.content")
        if role == "assistant":
            self._begin_answer().texts.append(text)
            return
        self._end_answer()
        self.messages.append(MessageBody(role=_ROLES[role], content=text, images=images))

    def _function_call(self, item: dict[str, Any], path: str) -> None:
        self._call(item, path, read_arguments(item.get("arguments"), f"{path}.arguments"))

    def _custom_call(self, item: dict[str, Any], path: str) -> None:
        self._call(item, path, custom_arguments(_text(item, "input", path)))

    def _call(self, item: dict[str, Any], path: str, arguments: dict[str, Any]) -> None:
        namespace = item.get("namespace")
        name = self._tools.function_name(_text(item, "name", path), namespace if isinstance(namespace, str) else "")
        call = {"id": _text(item, "call_id", path), "function": {"name": name, "arguments": arguments}}
        self._open_answer().calls.append(call)

    def _call_output(self, item: dict[str, Any], path: str) -> None:
        self._end_answer()
        text, images = read_parts(item.get("output"), f"{path}.output")
        self.messages.append(MessageBody(role="tool", content=text, images=images, tool_call_id=_text(item, "call_id", path)))

    def _reasoning(self, item: dict[str, Any], path: str) -> None:
        parts = item.get("content") or item.get("summary") or []
        texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        thinking = "".join(text for text in texts if isinstance(text, str)) or decode_thinking(item.get("encrypted_content"))
        begun = self._begin_answer()
        if thinking:
            begun.thinking.append(thinking)

    def _begin_answer(self) -> _Answer:
        """A new one after a text, unless calls wait for what came of them: that has to follow the message they are in."""
        answer = self._answer
        if answer is not None and answer.texts and not answer.calls:
            self._end_answer()
        return self._open_answer()

    def _open_answer(self) -> _Answer:
        if self._answer is None:
            self._answer = _Answer()
        return self._answer

    def _end_answer(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and (answer.texts or answer.calls):
            self.messages.append(answer.message())


def read_parts(content: Any, path: str) -> tuple[str, list[str]]:
    """Text, a line for each part, and images. Raises `InvalidRequest` naming the part at fault."""
    if isinstance(content, str):
        return content, []
    if not isinstance(content, list):
        raise InvalidRequest(f"{path} must be a string or an array of parts", path)
    texts, images = [], []
    for index, part in enumerate(content):
        part_path = f"{path}[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "input_image":
            if part.get("image_url") is None:
                raise InvalidRequest(f"{part_path}.image_url is required: no files are kept here", f"{part_path}.image_url")
            images.append(read_image_url(part["image_url"], f"{part_path}.image_url"))
        elif isinstance(kind, str) and kind in _TEXT_PARTS:
            texts.append(_text(part, _TEXT_PARTS[kind], part_path))
        else:
            shown = f'"{kind[:50]}"' if isinstance(kind, str) else "without a type"
            raise InvalidRequest(f"parts {shown} are not supported; input_text and input_image are", f"{part_path}.type")
    return "\n".join(text for text in texts if text), images


def encode_thinking(text: str) -> str:
    """For clients that send it back without having to read it. Not encrypted: it never left this machine."""
    return _MARK + base64.b64encode(text.encode()).decode()


def decode_thinking(value: Any) -> str:
    """Empty for what was not made here."""
    if not isinstance(value, str) or not value.startswith(_MARK):
        return ""
    try:
        return base64.b64decode(value.removeprefix(_MARK), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _text(item: dict[str, Any], name: str, path: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}.{name} must be a string", f"{path}.{name}")
    return value
