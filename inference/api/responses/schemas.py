"""Request bodies of `/v1/responses`.

What is not named here is passed over: `store`, `user`, `service_tier`, `prompt_cache_key` and the like change nothing about an
answer that is made here. Input items and tools are read in `items` and `tools`: what they hold depends on their type.
"""

from typing import Any

import msgspec

from inference.api.schemas import HearthBody


class ResponsesReasoningBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "none", "minimal", "low", "medium", "high", "xhigh".
    effort: str = ""
    #: Where it is asked for, thinking comes as a summary: all of it, since nobody sums it up.
    summary: str = ""
    #: The older name of `summary`.
    generate_summary: str = ""


class TextFormatBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "text", "json_object" or "json_schema".
    type: str = ""
    name: str = ""
    description: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextBody(msgspec.Struct, frozen=True, kw_only=True):
    format: TextFormatBody | None = None
    verbosity: str = ""


class InputTokensBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of `/v1/responses/input_tokens`, and what `/v1/responses` has in common with it."""

    model: str = ""
    #: A text or a list of items: messages, calls of functions and their outputs, reasoning.
    input: Any = None
    instructions: str | None = None
    tools: list[Any] = []
    #: "none", "auto", "required", or an object that names a function or the allowed ones.
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    reasoning: ResponsesReasoningBody = ResponsesReasoningBody()
    text: TextBody = TextBody()
    #: "auto": the oldest messages are left out where there are too many; "disabled": they are refused.
    truncation: str = "disabled"
    #: Refused: nothing is kept here that these could name.
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    # What follows is not OpenAI's.
    options: dict[str, Any] = {}
    keep_alive: Any = None
    hearth: HearthBody = HearthBody()


class ResponsesBody(InputTokensBody, frozen=True, kw_only=True):
    """Of `/v1/responses`."""

    stream: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    #: "message.output_text.logprobs" and "reasoning.encrypted_content" are heeded.
    include: list[str] = []
    #: Comes back with the answer.
    metadata: dict[str, str] = {}
    #: Refused: nothing would keep the answer until somebody asks for it.
    background: bool = False
