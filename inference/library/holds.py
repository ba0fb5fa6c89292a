"""Blobs that running work is about to refer to: nothing removes them meanwhile."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Holds:
    """Digests in use, each as often as it was taken. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    @contextmanager
    def hold(self, digests: Iterable[str]) -> Iterator[None]:
        """While the block runs, blobs of these digests (`sha256:<hex>`) are not removed, whether they are there yet or not."""
        held = set(digests)
        with self._lock:
            self._counts.update(held)
        try:
            yield
        finally:
            with self._lock:
                self._counts.subtract(held)
                self._counts = +self._counts

    def __contains__(self, digest: object) -> bool:
        with self._lock:
            return digest in self._counts
