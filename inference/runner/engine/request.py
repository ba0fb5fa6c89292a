"""One unit of work inside the engine."""

from dataclasses import dataclass, field

from inference.runner.engine.detokenizer import Detokenizer
from inference.runner.engine.model_runner import Sampler
from inference.runner.messages import RequestStats, SamplingParams


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

    num_prompt_tokens: int = field(init=False)
    num_cached_tokens: int = field(init=False, default=0)
    admitted_ns: int = field(init=False, default=0)
    first_token_ns: int = field(init=False, default=0)
    sampler: Sampler | None = field(init=False, default=None)
    detokenizer: Detokenizer = field(init=False)
    #: Sampled since the last text was sent: their text is held back or incomplete.
    num_unsent_tokens: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        assert self.tokens, "a prompt has at least one token"
        self.num_prompt_tokens = len(self.tokens)
        self.detokenizer = Detokenizer(self.stop)

    @property
    def num_completion_tokens(self) -> int:
        return len(self.tokens) - self.num_prompt_tokens

    def has_reached_length(self, num_ctx: int) -> bool:
        if self.max_tokens is not None and self.num_completion_tokens >= self.max_tokens:
            return True
        return len(self.tokens) >= num_ctx

    def stats(self, now_ns: int) -> RequestStats:
        admitted_ns = self.admitted_ns or now_ns
        prompt_done_ns = self.first_token_ns or now_ns
        return RequestStats(
            num_prompt_tokens=self.num_prompt_tokens,
            num_cached_tokens=self.num_cached_tokens,
            num_dropped_tokens=self.num_dropped_tokens,
            num_completion_tokens=self.num_completion_tokens,
            queue_duration_ns=admitted_ns - self.arrived_ns,
            prompt_eval_duration_ns=prompt_done_ns - admitted_ns,
            eval_duration_ns=now_ns - prompt_done_ns,
        )
