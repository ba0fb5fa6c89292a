"""In OpenAI's shapes, and that of Cohere's rerank."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from inference.api.openapi.answers.generation import Computation, TokenLogprob
from inference.api.openapi.answers.ollama import RankedDocument


class OpenAIErrorDetail(Struct):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Struct):
    error: OpenAIErrorDetail


class PromptDetails(Struct):
    cached_tokens: int


class Usage(Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class ShownToken(TokenLogprob):
    top_logprobs: list[TokenLogprob]


class ChatLogprobs(Struct):
    content: list[ShownToken]
    refusal: None


class Function(Struct):
    """`arguments` is JSON in a text that fits the tool's schema."""

    name: str
    arguments: str


class FunctionCall(Struct):
    id: str
    type: str
    function: Function


class FunctionCallDelta(FunctionCall):
    index: int


class Envelope(Struct, kw_only=True):
    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str
    hearth: Computation | UnsetType = UNSET


class CompletionMessage(Struct, kw_only=True):
    """Thinking comes under both names that clients know."""

    role: str
    content: str | None
    refusal: None
    reasoning: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[FunctionCall] | UnsetType = UNSET


class ChatChoice(Struct):
    index: int
    message: CompletionMessage
    logprobs: ChatLogprobs | None
    finish_reason: str


class ChatCompletion(Envelope, kw_only=True):
    choices: list[ChatChoice]
    usage: Usage


class Delta(Struct, kw_only=True):
    role: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET
    reasoning: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[FunctionCallDelta] | UnsetType = UNSET


class ChunkChoice(Struct):
    index: int
    delta: Delta
    logprobs: ChatLogprobs | None
    finish_reason: str | None


class ChatCompletionChunk(Envelope, kw_only=True):
    """With `stream_options.include_usage`, the last one has no choices but the usage. After it comes `data: [DONE]`."""

    choices: list[ChunkChoice]
    usage: Usage | UnsetType | None = UNSET


class TextLogprobs(Struct):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class TextChoice(Struct):
    index: int
    text: str
    logprobs: TextLogprobs | None
    finish_reason: str | None


class Completion(Envelope, kw_only=True):
    """The whole answer, or an event of a stream."""

    choices: list[TextChoice]
    usage: Usage | UnsetType | None = UNSET


class Embedding(Struct):
    """Numbers, or with `encoding_format` "base64" little-endian float32 in base64."""

    object: str
    index: int
    embedding: list[float] | str


class InputUsage(Struct):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Struct):
    object: str
    data: list[Embedding]
    model: str
    usage: InputUsage


class Model(Struct):
    """`created` is in seconds since 1970."""

    id: str
    object: str
    created: int
    owned_by: str


class ModelList(Struct):
    object: str
    data: list[Model]


class RankingV1(Struct):
    """In the shapes of Cohere, Jina and vLLM at once; the best document first."""

    id: str
    model: str
    results: list[RankedDocument]
    usage: InputUsage
    meta: dict[str, Any]
