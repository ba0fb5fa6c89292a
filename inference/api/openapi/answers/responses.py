"""In the shapes of OpenAI's responses."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from inference.api.openapi.answers.generation import Computation


class CachedTokens(Struct):
    cached_tokens: int
    cache_write_tokens: int


class ReasoningTokens(Struct):
    reasoning_tokens: int


class ResponseUsage(Struct):
    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class ResponseError(Struct):
    code: str
    message: str


class OutputItem(Struct, kw_only=True):
    """A `message`, `reasoning`, `function_call` or `custom_tool_call`; `arguments` is JSON in a text, `input` the text that a
    custom tool gets."""

    id: str
    type: str
    status: str
    role: str | UnsetType = UNSET
    content: list[dict[str, Any]] | UnsetType = UNSET
    summary: list[dict[str, Any]] | UnsetType = UNSET
    encrypted_content: str | UnsetType = UNSET
    call_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    namespace: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET


class Response(Struct, kw_only=True):
    """Nothing of it is kept."""

    id: str
    object: str
    created_at: int
    completed_at: int | UnsetType | None = UNSET
    status: str
    background: bool
    error: ResponseError | None
    incomplete_details: dict[str, str] | None
    instructions: str | None
    max_output_tokens: int | None
    metadata: dict[str, str]
    model: str
    output: list[OutputItem]
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: dict[str, Any]
    store: bool
    temperature: float | None
    text: dict[str, Any]
    tool_choice: Any
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float | None
    truncation: str
    usage: ResponseUsage | None
    hearth: Computation | UnsetType = UNSET


class ResponseEvent(Struct, kw_only=True):
    """`response.created`, `response.output_item.added`, `response.output_text.delta` and so on, at last `response.completed`,
    `response.incomplete` or `response.failed`."""

    type: str
    sequence_number: int
    response: Response | UnsetType = UNSET
    output_index: int | UnsetType = UNSET
    item: OutputItem | UnsetType = UNSET
    item_id: str | UnsetType = UNSET
    content_index: int | UnsetType = UNSET
    summary_index: int | UnsetType = UNSET
    part: dict[str, Any] | UnsetType = UNSET
    delta: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    logprobs: list[dict[str, Any]] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    input: str | UnsetType = UNSET


class InputTokens(Struct):
    object: str
    input_tokens: int
