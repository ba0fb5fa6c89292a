"""How many prompt tokens a step may carry without other people's streams standing still."""

#: Aim below the bound: a step's duration varies, and the bound is what people feel.
_AIM = 0.85
#: What a token costs in a small chunk against a large one, before a small one was ever measured (two-core CPU: 5.2 ms
#: in chunks of 32, 3.3 ms in chunks of 512).
_SMALL_CHUNK_COST = 2.0
_LARGEST_RISE = 1.5
_LARGEST_FALL = 0.25
_CREEP = 0.1
_SMOOTHING = 0.2
#: With nothing measured at all.
_FIRST_CHUNK = 16


class PrefillBudget:
    """A proportional controller: after each step in which a chunk delayed a stream, the chunk is scaled by wanted over
    measured duration. The bound is `max(2 x the usual step, max_gap_ms)`. Durations are in nanoseconds."""

    def __init__(self, *, max_gap_ms: int, num_batch: int) -> None:
        self._max_gap_ns = max_gap_ms * 1_000_000
        self._num_batch = num_batch
        self._chunk = 0.0
        self._usual_step_ns = 0.0
        #: Of a prompt that is read while nobody else streams; 0 before one was.
        self.token_cost_ns = 0.0

    def tokens(self, num_generating: int) -> int:
        """At least 1: a prompt always goes forward."""
        if num_generating == 0:
            return self._num_batch
        if not self._chunk:
            self._chunk = self._first_chunk()
        return max(1, min(int(self._chunk), self._num_batch))

    def observe(self, *, num_generating: int, num_prefill: int, duration_ns: int) -> None:
        """Learns from a step that has been done."""
        if num_prefill == 0:
            self._usual_step_ns = _smooth(self._usual_step_ns, duration_ns)
        elif num_generating == 0:
            # A few tokens cost about as much as one: they would say that each is dear.
            if num_prefill >= _FIRST_CHUNK:
                self.token_cost_ns = _smooth(self.token_cost_ns, duration_ns / num_prefill)
        elif num_prefill >= int(self._chunk) or duration_ns > self._bound_ns:
            # A prompt's short rest says nothing about what a full chunk would take, unless it took too long itself.
            ratio = _AIM * self._bound_ns / max(duration_ns, 1)
            chunk = num_prefill * min(max(ratio, _LARGEST_FALL), _LARGEST_RISE)
            if ratio > 1:
                # Whole tokens are planned: a chunk of 1 would never grow by a third.
                chunk = max(chunk, min(self._chunk, num_prefill + 1) + _CREEP)
            self._chunk = min(max(chunk, 1.0), float(self._num_batch))

    @property
    def _bound_ns(self) -> float:
        return max(2 * self._usual_step_ns, float(self._max_gap_ns))

    def _first_chunk(self) -> float:
        if not self.token_cost_ns:
            return min(_FIRST_CHUNK, self._num_batch)
        spare_ns = _AIM * self._bound_ns - self._usual_step_ns
        return min(max(spare_ns / (_SMALL_CHUNK_COST * self.token_cost_ns), 1.0), float(self._num_batch))


def _smooth(average: float, value: float) -> float:
    return value if not average else average + _SMOOTHING * (value - average)
