"""What chat and generate answer with in Ollama's shapes: whole, or line by line."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field


class TokenLogprob(Struct):
    token: str
    logprob: float
    bytes: list[int]


class Logprob(TokenLogprob):
    top_logprobs: list[TokenLogprob] | UnsetType = UNSET


class CalledFunction(Struct):
    """`arguments` is an object that fits the tool's schema."""

    index: int
    name: str
    arguments: dict[str, Any]


class ToolCall(Struct):
    id: str
    function: CalledFunction


class AnswerMessage(Struct):
    role: str
    content: str
    thinking: str | UnsetType = UNSET
    tool_calls: list[ToolCall] | UnsetType = UNSET


class Computation(Struct):
    """Prompt tokens that were taken from the cache, and those that were left out to fit the context."""

    cached_tokens: int
    dropped_tokens: int
    num_ctx: int | UnsetType = UNSET
    num_ctx_asked: int | UnsetType = UNSET


class DebugInfo(Struct):
    rendered_template: str
    image_count: int | UnsetType = UNSET


class Line(Struct, kw_only=True):
    """Durations are in nanoseconds; they and the counts are there when `done` is true."""

    model: str
    created_at: str
    done: bool | UnsetType = UNSET
    done_reason: str | UnsetType = UNSET
    logprobs: list[Logprob] | UnsetType = UNSET
    total_duration: int | UnsetType = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET
    prompt_eval_duration: int | UnsetType = UNSET
    eval_count: int | UnsetType = UNSET
    eval_duration: int | UnsetType = UNSET
    hearth: Computation | UnsetType = UNSET
    debug_info: DebugInfo | UnsetType = field(name="_debug_info", default=UNSET)


class ChatAnswer(Line, kw_only=True):
    """The whole answer, or a line of a stream. The last line has `done` true, the reason and the counts, and no text."""

    message: AnswerMessage | UnsetType = UNSET


class GenerateAnswer(Line, kw_only=True):
    """The whole answer, or a line of a stream. The last line has `done` true, the reason and the counts, and no text."""

    response: str | UnsetType = UNSET
    thinking: str | UnsetType = UNSET
    #: Tokens of prompt and answer, to be sent with the next prompt.
    context: list[int] | UnsetType = UNSET


class Event(Struct):
    """Before the first token, for clients that opted in with `hearth.events`."""

    event: str
    fraction: float | UnsetType = UNSET
    position: int | UnsetType = UNSET
    seconds: float | UnsetType = UNSET
    completed: int | UnsetType = UNSET
    total: int | UnsetType = UNSET
