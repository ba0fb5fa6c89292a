"""In Anthropic's shapes."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from inference.api.openapi.answers.generation import Computation


class AnthropicErrorDetail(Struct):
    type: str
    message: str


class AnthropicError(Struct):
    type: str
    error: AnthropicErrorDetail
    request_id: str


class ContentBlock(Struct):
    """A `text`, `thinking` or `tool_use`; `input` fits the tool's schema."""

    type: str
    text: str | UnsetType = UNSET
    thinking: str | UnsetType = UNSET
    signature: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    input: dict[str, Any] | UnsetType = UNSET


class MessageUsage(Struct):
    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int


class Message(Struct, kw_only=True):
    id: str
    type: str
    role: str
    model: str
    content: list[ContentBlock]
    stop_reason: str | None
    stop_sequence: str | None
    usage: MessageUsage
    hearth: Computation | UnsetType = UNSET


class MessageDelta(Struct):
    """Of a block: `type` and one of `text`, `thinking`, `signature`, `partial_json`; of the message: how it ended."""

    type: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    thinking: str | UnsetType = UNSET
    signature: str | UnsetType = UNSET
    partial_json: str | UnsetType = UNSET
    stop_reason: str | UnsetType = UNSET
    stop_sequence: str | UnsetType | None = UNSET


class MessageEvent(Struct, kw_only=True):
    """`message_start`, `ping`, `content_block_start`, `content_block_delta`,
    `content_block_stop`, `message_delta`, `message_stop`."""

    type: str
    message: Message | UnsetType = UNSET
    index: int | UnsetType = UNSET
    content_block: ContentBlock | UnsetType = UNSET
    delta: MessageDelta | UnsetType = UNSET
    usage: MessageUsage | UnsetType = UNSET
    hearth: Computation | UnsetType = UNSET


class TokenCount(Struct):
    input_tokens: int
