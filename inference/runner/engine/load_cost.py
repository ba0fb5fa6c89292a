"""Whether a saved state is sooner brought back than computed anew: a GPU may read a prompt faster than a disk its state."""

_SMOOTHING = 0.5
#: A disk is not slow for ever. Each time a state is passed over, states are taken for so much quicker to bring back, until one is
#: tried again.
_HOPE = 0.95


class LoadCost:
    """Learns from the states that were brought back. Times in nanoseconds."""

    def __init__(self) -> None:
        self._byte_ns = 0.0

    def decide(self, num_bytes: int, compute_ns: float) -> bool:
        """Whether to bring a state of so many bytes back: it is here sooner than what takes `compute_ns` otherwise (0: nobody
        knows), or nothing was measured yet."""
        if not self._byte_ns or not compute_ns or num_bytes * self._byte_ns <= compute_ns:
            return True
        self._byte_ns *= _HOPE
        return False

    def observe(self, num_bytes: int, duration_ns: int) -> None:
        """What one took from the moment in which it was asked for until it was in the KV cache."""
        byte_ns = duration_ns / max(num_bytes, 1)
        self._byte_ns += (_SMOOTHING if self._byte_ns else 1.0) * (byte_ns - self._byte_ns)
