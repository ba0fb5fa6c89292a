"""The contract between the runtime service and a runner process: what each end may say to the other.

Frames on a Unix stream socket: a 4-byte big-endian length, then one msgpack-encoded struct, at most `MAX_FRAME_BYTES`.
Both ends import this module and `config`, and nothing else of each other. A `Submit` is answered by `PromptRendered` where
that was asked for, any number of `PromptProgress` and `OutputDelta`, then by exactly one `RequestFinished` or `RequestFailed`;
an `Embed` or `Rerank` by exactly one `Embeddings`, `RequestFailed`, or (aborted) `RequestFinished`; a `Tokenize` by exactly
one `Tokens`, `RequestFailed`, or (aborted) `RequestFinished`.
"""

from typing import Any

import msgspec

MAX_FRAME_BYTES = 64 * 1024 * 1024


class ChatMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    role: str
    content: str = ""
    tool_calls: list[dict[str, Any]] | None = None
    tool_name: str | None = None
    #: Of the call that a tool's result answers.
    tool_call_id: str | None = None
    thinking: str | None = None
    #: Files, as they are; they stand before the content.
    images: list[bytes] = []


class ChatPrompt(msgspec.Struct, frozen=True, tag="chat", omit_defaults=True):
    """Messages for the model's chat template. A trailing assistant message is continued.

    With `truncate`, the oldest turns (a user message and what follows it) are left out until the prompt fits the context;
    system messages and the last turn stay. The answer gets an eighth of the context, or `max_tokens` if that is less.
    """

    messages: list[ChatMessage]
    truncate: bool = True
    #: In OpenAI's shape.
    tools: list[dict[str, Any]] = []
    #: True, False, a level ("low", "medium", "high", "max"), or None: the model decides.
    think: bool | str | None = None
    #: So many of the first messages come with the model and are known to everyone who may use it.
    num_public_messages: int = 0
    #: Go's template language, as Modelfiles have it. None: the Jinja template in the GGUF.
    template: str | None = None
    #: Tokens of an earlier exchange that stand before the prompt.
    context: list[int] = []


class InfillPrompt(msgspec.Struct, frozen=True, tag="infill", omit_defaults=True):
    """What stands before and after the text that the model is to write."""

    prefix: str
    suffix: str
    #: Go's template language. None: the tokens that the GGUF names for it.
    template: str | None = None


class TextPrompt(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    text: str
    #: Special tokens in the text are read as such and BOS is added when the model wants it.
    parse_special: bool = True


class TokenPrompt(msgspec.Struct, frozen=True, tag="tokens"):
    tokens: list[int]


Prompt = ChatPrompt | InfillPrompt | TextPrompt | TokenPrompt


class SamplingParams(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Defaults are Ollama's (`api.DefaultOptions`), and llama-server's where Ollama has no such thing. `seed` -1 draws one."""

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.9
    min_p: float = 0.0
    typical_p: float = 1.0
    repeat_last_n: int = 64
    repeat_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int = -1
    ignore_eos: bool = False
    #: 1 or 2: that version of mirostat takes the place of every filter.
    mirostat: int = 0
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    #: 0: off.
    top_n_sigma: float = 0.0
    #: The temperature moves by as much as this around `temperature`, with the entropy of what may come next.
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0
    #: 0: off.
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    #: -1: the whole context.
    dry_penalty_last_n: int = -1
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")
    #: 0: off.
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    #: Added to the logits of a token, or of each token of a text; minus infinity forbids it.
    logit_bias: dict[int | str, float] = {}


class CallRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Keeps calls of tools in an answer to the tools' schemas, from the mark on with which the model begins a call. With a
    `json_schema` beside them, the answer is a call or keeps to that schema."""

    #: A JSON list of functions in OpenAI's shape: those that may be called.
    tools: str
    #: Texts that stand before calls.
    marks: list[str] = []
    #: How arguments are written: see `inference.grammar.tag_forms`. Empty: as JSON.
    tag_form: str = ""
    #: Whether JSON that an answer begins with may be a call.
    is_bare: bool = False
    #: The answer is nothing but calls.
    is_required: bool = False
    #: At most one call.
    is_single: bool = False


class Submit(msgspec.Struct, frozen=True, tag="submit", kw_only=True, omit_defaults=True):
    request_id: str
    prompt: Prompt
    sampling: SamplingParams = SamplingParams()
    #: Most tokens to generate; None goes on to the end of the context.
    max_tokens: int | None = None
    stop: list[str] = []
    #: Whose it is: see `inference.scopes`.
    scope: str = ""
    #: The answer keeps to this GBNF grammar. At most one of this and `json_schema`.
    grammar: str = ""
    #: The answer is JSON that keeps to this JSON schema, itself given as JSON.
    json_schema: str = ""
    #: Not beside a `grammar`, which says all of an answer.
    calls: CallRules | None = None
    #: The answer begins with a thinking part up to this text; a grammar holds for what follows it. Empty: there is none.
    thinking_end: str = ""
    #: With which the thinking part begins. `PromptRendered` says whether the prompt ends with it; where it does not and the
    #: answer begins otherwise, a grammar holds from the start. Empty: there is none.
    thinking_start: str = ""
    #: Whether the answer may begin with a thinking part where the prompt did not.
    may_think: bool = True
    #: The answer is messages in Harmony (see `inference.harmony`), whose marks are written with `FLAG` before them where they
    #: are tokens; a grammar holds for the content of a message to the user, or for a call.
    is_harmony: bool = False
    #: Marks whose tokens are written out although control tokens are not.
    shown_texts: list[str] = []
    #: Whether `RequestFinished` has the tokens of prompt and answer.
    wants_tokens: bool = False
    #: Whether `PromptRendered` says how many tokens the prompt has.
    wants_prompt_size: bool = False
    #: Nothing is generated: `PromptRendered` shows the prompt.
    is_render_only: bool = False
    #: Whether each `OutputDelta` says how likely its tokens were, beside this many of the likeliest ones.
    logprobs: bool = False
    top_logprobs: int = 0
    #: Endless repetition ends the answer (`finish_reason` "repeat").
    loop_guard: bool = True
    #: When the context is full, half of it is left out and the answer goes on; its first `num_keep` tokens stay
    #: (-1: the whole prompt).
    shift: bool = False
    num_keep: int = 4
    #: So many other requests will come within milliseconds: a runner that has nothing else to do may wait for them.
    num_following: int = 0


class Embed(msgspec.Struct, frozen=True, tag="embed", kw_only=True, omit_defaults=True):
    """One vector for each input, by the model's own pooling; by the mean over tokens where the model names none."""

    request_id: str
    inputs: list[TextPrompt | TokenPrompt]
    #: Inputs that are too long lose their end; without it they fail with "context_length_exceeded".
    truncate: bool = True
    #: Longest input, where that is to be less than the context.
    max_tokens: int | None = None


class Rerank(msgspec.Struct, frozen=True, tag="rerank", kw_only=True, omit_defaults=True):
    """How well each document answers the query, by a model with a classification head. Long documents lose their end."""

    request_id: str
    query: str
    documents: list[str]


class Tokenize(msgspec.Struct, frozen=True, tag="tokenize", kw_only=True, omit_defaults=True):
    """The tokens of a prompt, whole, however many they are. Takes no slot: nothing is computed."""

    request_id: str
    prompt: ChatPrompt | TextPrompt | TokenPrompt
    #: Of a text: with the tokens that the vocabulary puts before and after an input.
    adds_special: bool = False
    wants_pieces: bool = False


Submission = Submit | Embed | Rerank | Tokenize


class Abort(msgspec.Struct, frozen=True, tag="abort"):
    """Honoured at the next step; the request still ends with `RequestFinished(finish_reason="abort")`."""

    request_id: str


class Forget(msgspec.Struct, frozen=True, tag="forget"):
    """Nothing that was computed for this scope, or one below it, is kept. Not answered."""

    scope: str


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    nonce: int


class Shutdown(msgspec.Struct, frozen=True, tag="shutdown"):
    """Open requests are ended, then states are saved for at most so many seconds."""

    seconds: float = 2.5


ToRunner = Submit | Embed | Rerank | Tokenize | Abort | Forget | Ping | Shutdown


class LoadProgress(msgspec.Struct, frozen=True, tag="load_progress"):
    """From 0.0 to 1.0."""

    fraction: float


class RunnerReady(msgspec.Struct, frozen=True, tag="ready", kw_only=True):
    """Sizes in bytes; `num_ctx` is what one slot really got."""

    num_ctx: int
    num_slots: int
    num_ctx_train: int
    model_bytes: int
    load_duration_ns: int
    has_chat_template: bool
    #: What weights, KV cache and buffers take of the GPUs; None where llama.cpp does not say.
    device_bytes: int | None = None


class LoadFailed(msgspec.Struct, frozen=True, tag="load_failed"):
    """The runner exits after it; the message is the cause, in one sentence."""

    message: str
    #: Fewer layers on GPUs may help.
    lacks_memory: bool = False


class PromptProgress(msgspec.Struct, frozen=True, tag="prompt_progress", kw_only=True):
    """Sent when prefill takes more than one step: tokens of the prompt that are in the KV cache."""

    request_id: str
    num_computed_tokens: int
    num_prompt_tokens: int


class PromptRendered(msgspec.Struct, frozen=True, tag="rendered", kw_only=True, omit_defaults=True):
    """Comes first, for a `Submit` with `thinking_start`, `is_harmony`, `wants_prompt_size` or `is_render_only`; the text only
    for the last.
    `num_prompt_tokens` is what `RequestStats` will say, where it was asked for."""

    request_id: str
    #: The prompt ends with `thinking_start`: the answer begins within the thinking part.
    is_thinking: bool = False
    text: str = ""
    num_images: int = 0
    num_prompt_tokens: int = 0
    #: In Harmony, the header of the message that the answer goes on with: see `inference.prompt.harmony.reader`.
    opening: str = ""


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True):
    """A token's bytes, which may be part of a character only, and the natural logarithm of its probability before any
    sampling parameter; `top` holds the likeliest tokens at its place, the likeliest first."""

    piece: bytes
    logprob: float
    top: list[tuple[bytes, float]] = []


class OutputDelta(msgspec.Struct, frozen=True, tag="delta", omit_defaults=True):
    """Text that is whole UTF-8 and can be no part of a stop string; `num_tokens` were sampled for it. `logprobs`, when
    asked for, are of the tokens in which this text begins: held back and cut off with it."""

    request_id: str
    text: str
    num_tokens: int
    logprobs: list[TokenLogprob] = []

    def joined(self, other: "OutputDelta") -> "OutputDelta":
        """As one piece with what comes next of the same answer."""
        num_tokens, logprobs = self.num_tokens + other.num_tokens, self.logprobs + other.logprobs
        return OutputDelta(self.request_id, self.text + other.text, num_tokens, logprobs)


class RequestStats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Durations in nanoseconds. `num_cached_tokens` of the prompt's tokens were reused from the slot. Of a request that was
    aborted, `num_prompt_tokens` are those that had been read by then."""

    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    num_dropped_tokens: int = 0
    num_completion_tokens: int = 0
    queue_duration_ns: int = 0
    prompt_eval_duration_ns: int = 0
    eval_duration_ns: int = 0


class RequestFinished(msgspec.Struct, frozen=True, tag="finished", kw_only=True, omit_defaults=True):
    """`finish_reason`: "stop" (end of answer or stop string), "length" (also where a stop string cuts what a grammar asked for),
    "repeat" (the loop guard) or "abort". `tokens`, when asked for, are those of prompt and answer; without those of images.
    `stop_text`: the stop string that ended it, if one did."""

    request_id: str
    finish_reason: str
    stats: RequestStats
    stop_text: str = ""
    tokens: list[int] = []


class RequestFailed(msgspec.Struct, frozen=True, tag="failed", kw_only=True):
    """`code` is one of `inference.errors`."""

    request_id: str
    code: str
    message: str


class Embeddings(msgspec.Struct, frozen=True, tag="embeddings", kw_only=True):
    """The vectors of an `Embed` in the order of its inputs, each as little-endian float32 and not normalised; for a
    `Rerank`, one number a document, from 0 to 1."""

    request_id: str
    vectors: list[bytes]
    stats: RequestStats


class Tokens(msgspec.Struct, frozen=True, tag="tokens", kw_only=True, omit_defaults=True):
    """Of a `Tokenize`: an image is -1 at each of its places. `size` is the room they take in a context, which with images of
    some models is more than their number. `pieces`, when asked for, are the bytes that each is written with."""

    request_id: str
    tokens: list[int]
    size: int
    pieces: list[bytes] = []


class Pong(msgspec.Struct, frozen=True, tag="pong", kw_only=True):
    nonce: int
    num_running: int
    num_waiting: int


FromRunner = (
    LoadProgress
    | RunnerReady
    | LoadFailed
    | PromptProgress
    | PromptRendered
    | OutputDelta
    | RequestFinished
    | RequestFailed
    | Embeddings
    | Tokens
    | Pong
)

_encoder = msgspec.msgpack.Encoder()
_to_runner: msgspec.msgpack.Decoder[ToRunner] = msgspec.msgpack.Decoder(ToRunner)
_from_runner: msgspec.msgpack.Decoder[FromRunner] = msgspec.msgpack.Decoder(FromRunner)


def encode_frame(message: ToRunner | FromRunner) -> bytes:
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


def decode_to_runner(body: bytes) -> ToRunner:
    """Raises `msgspec.DecodeError` on anything that is not a message of the contract."""
    return _to_runner.decode(body)


def decode_from_runner(body: bytes) -> FromRunner:
    """Raises `msgspec.DecodeError` on anything that is not a message of the contract."""
    return _from_runner.decode(body)
