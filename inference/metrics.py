"""What the runtime counts about itself. Plain numbers, touched once a request and never for a token.

`inference.api.metrics` gives them Prometheus' form when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from inference.runner.messages import RequestStats

_NS = 1e9
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_TOKENS_PER_SECOND = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class Histogram:
    """How many values were at most each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        #: One more than bounds: the last counts what is above all.
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class ModelMetrics:
    """Of one model since the start of the service."""

    def __init__(self) -> None:
        #: Requests by how they ended: a finish reason or the code of an error.
        self.outcomes: Counter[str] = Counter()
        self.cached_tokens = 0
        self.computed_tokens = 0
        self.generated_tokens = 0
        self.queue_seconds = Histogram(_SECONDS)
        self.first_token_seconds = Histogram(_SECONDS)
        self.tokens_per_second = Histogram(_TOKENS_PER_SECOND)
        self.load_seconds = Histogram(_SECONDS)
        self.load_failures = 0
        #: By reason: "idle", "room", "context" or "asked".
        self.unloads: Counter[str] = Counter()
        self.crashes = 0

    def add_answer(self, finish_reason: str, stats: RequestStats, waited_ns: int) -> None:
        """`waited_ns` is from the request's arrival until a runner got it."""
        self.outcomes[finish_reason] += 1
        self.add_tokens(stats)
        if stats.num_completion_tokens:
            prompt_ns = stats.queue_duration_ns + stats.prompt_eval_duration_ns
            self.first_token_seconds.observe((waited_ns + prompt_ns) / _NS)
        if stats.num_completion_tokens > 1 and stats.eval_duration_ns:
            # The first token is drawn at the end of the prompt.
            self.tokens_per_second.observe((stats.num_completion_tokens - 1) * _NS / stats.eval_duration_ns)

    def add_tokens(self, stats: RequestStats) -> None:
        self.cached_tokens += stats.num_cached_tokens
        self.computed_tokens += stats.num_prompt_tokens - stats.num_cached_tokens
        self.generated_tokens += stats.num_completion_tokens


class Metrics:
    """Of the whole service since its start."""

    def __init__(self) -> None:
        #: By path and status.
        self.requests: Counter[tuple[str, int]] = Counter()
        self.models: dict[str, ModelMetrics] = {}

    def of(self, name: str) -> ModelMetrics:
        """Of an installed model, so there are no more of them than models."""
        metrics = self.models.get(name)
        if metrics is None:
            metrics = self.models[name] = ModelMetrics()
        return metrics
