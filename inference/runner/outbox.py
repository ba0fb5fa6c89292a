"""What waits to be sent, in bounded memory: the decode thread never waits for a slow reader."""

import threading
from collections.abc import Callable, Iterable

from inference.runner.messages import (
    Embeddings,
    FromRunner,
    LoadProgress,
    OutputDelta,
    PromptProgress,
    RequestFailed,
    RequestFinished,
    Tokens,
    encode_frame,
)

Send = Callable[[bytes], int]


class _GrowingDelta:
    """Output of one request that was not sent yet, as parts: joining at each token would copy the text each time."""

    __slots__ = ("logprobs", "num_tokens", "parts", "request_id")

    def __init__(self, first: OutputDelta) -> None:
        self.request_id = first.request_id
        self.parts = [first.text]
        self.num_tokens = first.num_tokens
        self.logprobs = list(first.logprobs)

    def join(self) -> OutputDelta:
        return OutputDelta(self.request_id, "".join(self.parts), self.num_tokens, self.logprobs)


class Outbox:
    """Consecutive deltas of a request become one, of progress only the newest stays: what waits is at most the text of
    the requests that are open, however slowly it is read. `max_waiting` bounds those: `wait_for_room` holds back new ones.
    """

    def __init__(self, max_waiting: int = 1024, *, send: Send | None = None) -> None:
        """`send` takes as many bytes as it can without waiting and says how many. While it takes all, no other thread is
        woken: between two tokens that would take a core from the model."""
        self._max_waiting = max_waiting
        self._send = send
        #: Whether what was taken may still be on its way.
        self._is_taken = False
        self._changed = threading.Condition()
        #: Bytes are the rest of what was sent in part.
        self._entries: list[FromRunner | _GrowingDelta | bytes] = []
        #: Where in `_entries` the message stands that the next one of its kind may be merged into.
        self._mergeable: dict[tuple[str, str], int] = {}
        self._is_closed = False
        self._is_bounded = True

    def put(self, messages: Iterable[FromRunner]) -> None:
        """Never waits."""
        with self._changed:
            for message in self._not_sent_at_once(list(messages)):
                self._merge(message)
            if self._entries:
                self._changed.notify_all()

    def take(self) -> list[FromRunner | bytes]:
        """Waits for messages and takes all, in order; empty when the outbox is closed and nothing is left. What was taken
        before has been sent by then."""
        with self._changed:
            self._is_taken = False
            while not self._entries and not self._is_closed:
                self._changed.wait()
            entries, self._entries = self._entries, []
            self._mergeable.clear()
            self._is_taken = bool(entries)
            self._changed.notify_all()
        return [entry.join() if isinstance(entry, _GrowingDelta) else entry for entry in entries]

    def wait_for_room(self) -> None:
        """Waits while more than `max_waiting` messages were not taken."""
        with self._changed:
            while len(self._entries) > self._max_waiting and self._is_bounded:
                self._changed.wait()

    def lift_bound(self) -> None:
        """Nobody waits for room any more."""
        with self._changed:
            self._is_bounded = False
            self._changed.notify_all()

    def close(self) -> None:
        """What was put before is still given out."""
        with self._changed:
            self._is_closed = True
            self._is_bounded = False
            self._changed.notify_all()

    def _not_sent_at_once(self, messages: list[FromRunner]) -> list[FromRunner]:
        is_free = not (self._entries or self._is_taken or self._is_closed)
        if self._send is None or not is_free or any(isinstance(message, Embeddings | Tokens) for message in messages):
            return messages
        frames = b"".join(map(encode_frame, messages))
        num_sent = self._send(frames) if frames else 0
        if num_sent < len(frames):
            self._entries.append(frames[num_sent:])
        return []

    def _merge(self, message: FromRunner) -> None:
        match message:
            case OutputDelta(request_id, text, num_tokens, logprobs):
                index = self._mergeable.setdefault(("delta", request_id), len(self._entries))
                if index == len(self._entries):
                    self._entries.append(_GrowingDelta(message))
                else:
                    growing = self._entries[index]
                    assert isinstance(growing, _GrowingDelta), "the key names the kind"
                    growing.parts.append(text)
                    growing.num_tokens += num_tokens
                    growing.logprobs += logprobs
            case PromptProgress():
                self._replace(("prompt", message.request_id), message)
            case LoadProgress():
                self._replace(("load", ""), message)
            case RequestFinished() | RequestFailed():
                self._mergeable.pop(("delta", message.request_id), None)
                self._mergeable.pop(("prompt", message.request_id), None)
                self._entries.append(message)
            case _:
                self._entries.append(message)

    def _replace(self, key: tuple[str, str], message: FromRunner) -> None:
        index = self._mergeable.setdefault(key, len(self._entries))
        self._entries[index : index + 1] = [message]
