"""Counts the requests that are just being made ready, so that the runner can compute those of one moment in one batch."""

from types import TracebackType


class Arrivals:
    """As a context manager: around what keeps a request whose body is there from being submitted."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.count -= 1
