"""Request bodies of the endpoints in OpenAI's shape: every field its clients send, and those of Hearth.

What is not named here is passed over: `user`, `metadata`, `store`, `service_tier`, `prompt_cache_key` and the like change
nothing about an answer that is made here.
"""

from typing import Any

import msgspec

from inference.api.schemas import HearthBody


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ReasoningBody(msgspec.Struct, frozen=True):
    effort: str = ""
    #: OpenRouter's.
    enabled: bool | None = None


class JsonSchemaBody(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    schema: dict[str, Any] | None = None


class ResponseFormatBody(msgspec.Struct, frozen=True, kw_only=True):
    #: "text", "json_object" or "json_schema".
    type: str = ""
    json_schema: JsonSchemaBody | None = None
    #: Of a "json_object", as llama-server takes it.
    schema: dict[str, Any] | None = None


class ChatMessageBody(msgspec.Struct, frozen=True, kw_only=True):
    role: str = ""
    #: A text, or parts: `{"type": "text", "text": …}`, `{"type": "image_url", "image_url": {"url": "data:…"}}`.
    content: Any = None
    #: Of a function's result in the older shape.
    name: str = ""
    tool_calls: list[dict[str, Any]] = []
    tool_call_id: str = ""
    #: The older shape of one call.
    function_call: dict[str, Any] | None = None
    #: Thinking of an earlier answer, under either name.
    reasoning: str = ""
    reasoning_content: str = ""


class OpenAIBody(msgspec.Struct, frozen=True, kw_only=True):
    """What chat completions and completions have in common."""

    model: str = ""
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    max_tokens: int | None = None
    n: int = 1
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    #: A text or a list of texts.
    stop: Any = None
    #: From token ids, which are texts in JSON, to numbers from -100, which forbids, to 100.
    logit_bias: dict[str, Any] | None = None
    # What follows is not OpenAI's: options of Ollama and llama-server that their users send in `extra_body`.
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    num_ctx: int | None = None
    grammar: str | None = None
    #: All of Ollama's options by their names; the fields above come before them.
    options: dict[str, Any] = {}
    keep_alive: Any = None
    shift: bool = False
    hearth: HearthBody = HearthBody()


class ChatCompletionBody(OpenAIBody, frozen=True, kw_only=True):
    """Of `/v1/chat/completions`."""

    messages: list[ChatMessageBody] = []
    max_completion_tokens: int | None = None
    tools: list[Any] = []
    #: "none", "auto", "required", or an object that names a function or the allowed ones.
    tool_choice: Any = None
    parallel_tool_calls: bool = True
    response_format: ResponseFormatBody | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    reasoning_effort: str = ""
    reasoning: ReasoningBody = ReasoningBody()
    #: The predecessors of `tools` and `tool_choice`; refused.
    functions: list[Any] = []
    function_call: Any = None
    #: Ollama's: true, false or a level.
    think: Any = None
    #: DashScope's and SiliconFlow's.
    enable_thinking: bool | None = None
    #: Zhipu's, DeepSeek's and Volcengine's: `{"type": "disabled"}`, "enabled", or one that leaves it to the model.
    thinking: dict[str, Any] | None = None
    #: vLLM's and llama-server's: `{"enable_thinking": false}`.
    chat_template_kwargs: dict[str, Any] = {}
    #: Whether old messages may be left out where there are too many.
    truncate: bool = True


class CompletionBody(OpenAIBody, frozen=True, kw_only=True):
    """Of `/v1/completions`."""

    #: A text, a list of texts, token ids, or a list of lists of token ids.
    prompt: str | list[str | int | list[int]] = ""
    suffix: str = ""
    echo: bool = False
    best_of: int | None = None
    #: How many of the likeliest tokens are shown at each place; 0: the chosen one only.
    logprobs: int | None = None
    #: False: the prompt is a message, and the model's template is applied to it, as Ollama does.
    raw: bool = True


class EmbeddingBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of `/v1/embeddings`."""

    model: str = ""
    #: A text, a list of texts, token ids, or a list of lists of token ids.
    input: Any = None
    dimensions: int = 0
    encoding_format: str = "float"
    # What follows is not OpenAI's.
    truncate: bool = True
    num_ctx: int | None = None
    options: dict[str, Any] = {}
    keep_alive: Any = None
    hearth: HearthBody = HearthBody()
