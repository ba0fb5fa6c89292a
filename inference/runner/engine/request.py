"""One unit of work inside the engine."""

from dataclasses import dataclass, field

from inference.runner.engine.detokenizer import Detokenizer
from inference.runner.engine.logprobs import PendingLogprobs
from inference.runner.engine.loop_guard import is_looping
from inference.runner.engine.media import MediaSpan
from inference.runner.engine.model_runner import Constraint, Sampler
from inference.runner.messages import PromptRendered, RequestStats, SamplingParams


@dataclass(slots=True, eq=False)
class Request:
    """`tokens` is the prompt and, after it, what was sampled: the request owns the list.
    Times are those of the engine's clock, in nanoseconds."""

    request_id: str
    tokens: list[int]
    sampling: SamplingParams
    max_tokens: int | None
    stop: list[str]
    arrived_ns: int
    num_dropped_tokens: int = 0
    #: What the answer has to look like; goes with the sampler.
    constraint: Constraint | None = None
    #: None: nobody wants to know.
    logprobs: PendingLogprobs | None = None
    loop_guard: bool = False
    #: Go on beyond the context, keeping the first `num_keep` tokens (-1: the prompt).
    shifts: bool = False
    num_keep: int = 0
    #: Whose it is: see `inference.scopes`. Of the prompt's tokens, the first `num_public_tokens` are such as everybody knows.
    scope: str = ""
    num_public_tokens: int = 0
    #: What is to be said of the prompt before anything else.
    rendered: PromptRendered | None = None
    #: What is written for tokens that are otherwise invisible.
    shown_pieces: dict[int, bytes] = field(default_factory=dict)
    #: The tokens of prompt and answer are told at the end.
    wants_tokens: bool = False
    #: Requests that are just about to come: see `Submit`.
    num_following: int = 0
    #: Images in the prompt, in order.
    spans: tuple[MediaSpan, ...] = ()

    num_prompt_tokens: int = field(init=False)
    #: Of images, beyond the positions they have: they take room too.
    num_extra_tokens: int = field(init=False, default=0)
    num_cached_tokens: int = field(init=False, default=0)
    admitted_ns: int = field(init=False, default=0)
    first_token_ns: int = field(init=False, default=0)
    sampler: Sampler | None = field(init=False, default=None)
    detokenizer: Detokenizer = field(init=False)
    #: All that was drawn, also what was left out of `tokens` to make room.
    sampled: list[int] = field(init=False, default_factory=list)
    #: Left out of `tokens` to make room.
    num_shifted_tokens: int = field(init=False, default=0)
    #: Sampled since the last text was sent: their text is held back or incomplete.
    num_unsent_tokens: int = field(init=False, default=0)
    #: What is computed for it is not to stay.
    is_forgotten: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        assert self.tokens, "a prompt has at least one token"
        self.num_prompt_tokens = len(self.tokens)
        if self.spans:
            assert self.spans[-1].end < len(self.tokens), "an image gives no logits"
            self.num_extra_tokens = sum(span.num_extra_tokens for span in self.spans)
        self.detokenizer = Detokenizer(self.stop)

    @property
    def num_completion_tokens(self) -> int:
        return len(self.tokens) + self.num_shifted_tokens - self.num_prompt_tokens

    @property
    def has_reached_limit(self) -> bool:
        """All the tokens that were asked for are there."""
        return self.max_tokens is not None and self.num_completion_tokens >= self.max_tokens

    @property
    def is_looping(self) -> bool:
        return self.loop_guard and is_looping(self.sampled)

    @property
    def text_tokens(self) -> list[int]:
        """Without what stands for images."""
        return [token for token in self.tokens if token >= 0] if self.spans else self.tokens

    def tokens_at(self, num_positions: int) -> int:
        """Tokens in the first positions: of an image there may be more than it has positions."""
        if not self.num_extra_tokens:
            return num_positions
        return num_positions + sum(span.num_extra_tokens for span in self.spans if span.end <= num_positions)

    def stats(self, now_ns: int, *, num_read: int | None = None) -> RequestStats:
        """`num_read` are the prompt's tokens that were read, where that is not all of them."""
        admitted_ns = self.admitted_ns or now_ns
        prompt_done_ns = self.first_token_ns or now_ns
        num_prompt_tokens = self.num_prompt_tokens + self.num_extra_tokens if num_read is None else num_read
        return RequestStats(
            num_prompt_tokens=num_prompt_tokens,
            num_cached_tokens=min(self.tokens_at(self.num_cached_tokens), num_prompt_tokens),
            num_dropped_tokens=self.num_dropped_tokens,
            num_completion_tokens=self.num_completion_tokens,
            queue_duration_ns=admitted_ns - self.arrived_ns,
            prompt_eval_duration_ns=prompt_done_ns - admitted_ns,
            eval_duration_ns=now_ns - prompt_done_ns,
        )
