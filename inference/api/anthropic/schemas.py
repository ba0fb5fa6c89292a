"""Request bodies in Anthropic's shape.

What is not named here is passed over: `metadata`, `service_tier`, `container`, `cache_control` and the like change nothing about
an answer that is made here. Content blocks and tools are read in `content` and `tools`: what they hold depends on their type.
"""

from typing import Any

import msgspec

from inference.api.schemas import HearthBody


class AnthropicMessageBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "user", "assistant" or "system".
    role: str = ""
    #: A text or a list of blocks: text, image, document, search_result, tool_use, tool_result, thinking, redacted_thinking.
    content: Any = None


class ThinkingBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "enabled", "adaptive", "between_tools" or "disabled".
    type: str = ""
    #: Is checked, and bounds nothing: only `max_tokens` does.
    budget_tokens: int | None = None
    #: "omitted": thinking takes place and is not shown.
    display: str = ""


class OutputFormatBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "json_schema".
    type: str = ""
    schema: dict[str, Any] | None = None


class OutputConfigBody(msgspec.Struct, frozen=True, kw_only=True):
    #: How much to think, where thinking was asked for: "low", "medium", "high", "xhigh", "max".
    effort: str = ""
    format: OutputFormatBody | None = None


class AnthropicToolChoiceBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "auto", "any", "tool" or "none".
    type: str = ""
    name: str = ""
    disable_parallel_tool_use: bool = False


class ConversationBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of `/v1/messages/count_tokens`, and what `/v1/messages` has in common with it."""

    model: str = ""
    messages: list[AnthropicMessageBody] = []
    #: A text or a list of text blocks.
    system: Any = None
    tools: list[Any] = []
    tool_choice: AnthropicToolChoiceBody | None = None
    thinking: ThinkingBody | None = None
    output_config: OutputConfigBody = OutputConfigBody()
    #: The older place of `output_config.format`.
    output_format: OutputFormatBody | None = None
    #: Caches what is asked: here everything is kept. It only decides how `usage` is told.
    cache_control: Any = None
    # What follows is not Anthropic's.
    #: All of Ollama's options by their names; the fields of the protocol come before them.
    options: dict[str, Any] = {}
    keep_alive: Any = None
    hearth: HearthBody = HearthBody()


class MessagesBody(ConversationBody, frozen=True, kw_only=True):
    """Of `/v1/messages`."""

    max_tokens: int | None = None
    stream: bool = False
    stop_sequences: list[str] = []
    #: From 0 to 1.
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
