"""Request bodies of the Ollama API: every field Ollama's clients send, with Ollama's defaults."""

from typing import Any

import msgspec


class MessageBody(msgspec.Struct, frozen=True):
    role: str = ""
    content: str = ""
    thinking: str = ""
    images: list[str] = []
    tool_calls: list[dict[str, Any]] = []
    tool_name: str = ""
    tool_call_id: str = ""


class HearthBody(msgspec.Struct, frozen=True):
    """What Hearth adds: see "What the runtime adds to Ollama's API" in docs/architecture.md."""

    events: bool = False
    priority: str = ""
    client: str = ""
    scope: str = ""
    loop_guard: bool = True


class RequestBody(msgspec.Struct, frozen=True, kw_only=True):
    """What chat and generate have in common."""

    model: str = ""
    #: The older name of `model`.
    name: str = ""
    stream: bool = True
    format: Any = None
    keep_alive: Any = None
    options: dict[str, Any] = {}
    think: Any = None
    truncate: bool = True
    shift: bool = False
    logprobs: bool = False
    top_logprobs: int = 0
    debug_render_only: bool = msgspec.field(name="_debug_render_only", default=False)
    hearth: HearthBody = HearthBody()

    @property
    def asked_model(self) -> str:
        return self.model or self.name


class ChatBody(RequestBody, frozen=True, kw_only=True):
    messages: list[MessageBody] = []
    tools: list[Any] = []
    #: As OpenAI has it; Ollama has no such thing. See `inference.api.tools.read_tool_choice`.
    tool_choice: Any = None
    #: Without it, an answer has at most one call of a tool.
    parallel_tool_calls: bool = True


class GenerateBody(RequestBody, frozen=True, kw_only=True):
    prompt: str = ""
    suffix: str = ""
    system: str = ""
    template: str = ""
    context: list[int] = []
    raw: bool = False
    images: list[str] = []


class EmbedBody(RequestBody, frozen=True, kw_only=True):
    """Of `/api/embed`, and with `prompt` in place of `input` of the older `/api/embeddings`."""

    input: Any = None
    prompt: str = ""
    dimensions: int = 0


class RerankBody(RequestBody, frozen=True, kw_only=True):
    query: str = ""
    documents: list[Any] = []
    #: The name of `documents` in Hugging Face's text-embeddings-inference.
    texts: list[Any] = []
    top_n: int = 0
    #: None: as the endpoint has it.
    return_documents: bool | None = None

    @property
    def asked_documents(self) -> list[Any]:
        return self.documents or self.texts


class TokenizeBody(ChatBody, frozen=True, kw_only=True):
    """One of `content` (llama-server's name), `prompt` (vLLM's) and `messages`."""

    content: str | None = None
    prompt: str | None = None
    #: With the tokens that the model puts before and after an input; None: for a `prompt`, not for a `content`.
    add_special: bool | None = None
    #: Special tokens that are written out in the text are read as such.
    parse_special: bool = True
    with_pieces: bool = False


class DetokenizeBody(RequestBody, frozen=True, kw_only=True):
    tokens: list[int] | None = None
