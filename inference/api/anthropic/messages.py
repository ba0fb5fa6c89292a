"""A conversation in Anthropic's shape, as `/api/chat` has it."""

from collections.abc import Iterator, Sequence
from typing import Any

from inference.api.anthropic.content import RESULT_BLOCKS, USER_BLOCKS, Gathered, blocks_of, gather, object_of, text_of
from inference.api.anthropic.schemas import AnthropicMessageBody
from inference.api.schemas import MessageBody
from inference.errors import InvalidRequest

#: Claude Code begins its system prompt with a line of this name, which is another one in each request: with it, nothing that was
#: computed for one request could be used for the next.
_BILLING_LINE = "x-anthropic-billing-header:"


def read_conversation(system: Any, messages: Sequence[AnthropicMessageBody]) -> list[MessageBody]:
    """Raises `InvalidRequest` naming the field at fault."""
    read = [message for index, body in enumerate(messages) for message in _messages(body, f"messages[{index}]")]
    if system is None:
        return read
    prompt = gather(system, "system", ("text",))
    prompt.texts = [text for text in prompt.texts if not text.startswith(_BILLING_LINE)]
    return [MessageBody(role="system", content=prompt.text), *read] if prompt.text else read


def _messages(message: AnthropicMessageBody, path: str) -> Iterator[MessageBody]:
    content_path = f"{path}.content"
    if message.role == "user":
        yield from _user_messages(message.content, content_path)
    elif message.role == "assistant":
        yield _assistant_message(message.content, content_path)
    elif message.role == "system":
        yield MessageBody(role="system", content=gather(message.content, content_path, ("text",)).text)
    else:
        raise InvalidRequest(f"{path}.role must be user, assistant or system", f"{path}.role")


def _user_messages(content: Any, path: str) -> Iterator[MessageBody]:
    """Results of tools are messages of their own, wherever they stand."""
    gathered, num_results = Gathered(), 0
    for block, block_path in blocks_of(content, path):
        if block.get("type") != "tool_result":
            gathered.add(block, block_path, (*USER_BLOCKS, "tool_result"))
            continue
        if gathered.texts or gathered.images:
            yield MessageBody(role="user", content=gathered.text, images=gathered.images)
            gathered = Gathered()
        num_results += 1
        yield _tool_message(block, block_path)
    if gathered.texts or gathered.images or not num_results:
        yield MessageBody(role="user", content=gathered.text, images=gathered.images)


def _tool_message(block: dict[str, Any], path: str) -> MessageBody:
    content = block.get("content")
    gathered = gather(content, f"{path}.content", RESULT_BLOCKS) if content is not None else Gathered()
    text = gathered.text
    # Templates know no failed calls.
    if block.get("is_error") is True:
        text = f"Error: {text}" if text else "Error"
    return MessageBody(
        role="tool",
        content=text,
        images=gathered.images,
        tool_call_id=text_of(block.get("tool_use_id"), f"{path}.tool_use_id"),
    )


def _assistant_message(content: Any, path: str) -> MessageBody:
    gathered, thinking, calls = Gathered(), [], []
    for block, block_path in blocks_of(content, path):
        kind = block.get("type")
        if kind == "thinking":
            thinking.append(text_of(block.get("thinking"), f"{block_path}.thinking"))
        elif kind == "tool_use":
            calls.append(_call(block, block_path))
        elif kind != "redacted_thinking" and not _is_of_servers(kind):
            gathered.add(block, block_path, ("text", "thinking", "redacted_thinking", "tool_use"))
    return MessageBody(role="assistant", content=gathered.text, thinking="\n".join(thinking), tool_calls=calls)


def _is_of_servers(kind: Any) -> bool:
    """What Anthropic's servers did for an earlier answer, whose text says what came of it."""
    return isinstance(kind, str) and (kind in ("server_tool_use", "mcp_tool_use") or kind.endswith("_tool_result"))


def _call(block: dict[str, Any], path: str) -> dict[str, Any]:
    return {
        "id": text_of(block.get("id"), f"{path}.id"),
        "function": {
            "name": text_of(block.get("name"), f"{path}.name"),
            "arguments": object_of(block.get("input"), f"{path}.input"),
        },
    }
