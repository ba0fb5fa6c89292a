"""The threads that make requests ready, so that the one that reads hears of an abort or a ping at once.

Nothing that is being made ready can be interrupted, so long prompts have a thread to themselves, and nobody with a short one
waits for them. Of long ones, the shorter goes first, but nobody is overtaken for ever.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.errors import InferenceError
from inference.runner.connection import Inbox
from inference.runner.engine.embedder import EmbeddingJob
from inference.runner.engine.request import Request
from inference.runner.intake import Intake
from inference.runner.messages import (
    ChatPrompt,
    Forget,
    RequestFailed,
    RequestFinished,
    RequestStats,
    Submission,
    Submit,
    Tokenize,
    Tokens,
)
from inference.runner.outbox import Outbox
from inference.scopes import is_within

logger = logging.getLogger(__name__)

#: A frame of so many bytes, if it is all text, is cut into tokens in 10 to 60 ms (two cores).
_LONG_BYTES = 32 * 1024
#: What a byte more is taken to cost: it goes first that would be ready first if all were begun as they came.
_BYTE_NS = 1000

Prepared = Request | EmbeddingJob | Tokens | InferenceError


@dataclass(order=True, slots=True)
class _Entry:
    due_ns: int
    number: int
    message: Submission = field(compare=False)
    is_forgotten: bool = field(compare=False, default=False)


class _Lane:
    """What waits for one thread. Its lock is that of all lanes."""

    def __init__(self, lock: threading.Lock, build_intake: Callable[[], Intake]) -> None:
        self.changed = threading.Condition(lock)
        self.waiting: list[_Entry] = []
        self.build_intake = build_intake


class Preparers:
    """Each submission ends up in the inbox or, where nothing is to be computed for it, with its final event in the outbox."""

    def __init__(
        self,
        build_intake: Callable[[], Intake],
        inbox: Inbox,
        outbox: Outbox,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Each thread has an intake of its own: templates are not for several. That for long prompts is built for the first."""
        self._inbox = inbox
        self._outbox = outbox
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        #: By request id: what waits or is being made ready.
        self._open: dict[str, _Entry] = {}
        self._is_closed = False
        quick_intake = build_intake()
        self._quick, self._long = _Lane(self._lock, lambda: quick_intake), _Lane(self._lock, build_intake)
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=name, daemon=True)
            for lane, name in ((self._quick, "preparer"), (self._long, "long-preparer"))
        ]
        for thread in self._threads:
            thread.start()

    def add(self, message: Submission, num_bytes: int) -> None:
        """`num_bytes` is the size of its frame."""
        # What reads images is used by one thread only.
        is_long = num_bytes > _LONG_BYTES or _has_images(message)
        lane = self._long if is_long else self._quick
        cost_ns = _BYTE_NS * num_bytes if is_long else 0
        with self._lock:
            entry = _Entry(self._clock_ns() + cost_ns, next(self._numbers), message)
            self._open[message.request_id] = entry
            heapq.heappush(lane.waiting, entry)
            lane.changed.notify()

    def abort(self, request_id: str) -> bool:
        """Whether it was not ready yet: then it has its final event now, and nothing comes of it."""
        with self._lock:
            return self._end(request_id)

    def forget(self, forget: Forget) -> None:
        """Tells the decode thread too: after what is ready, and before what is not."""
        with self._lock:
            for entry in self._open.values():
                if isinstance(entry.message, Submit) and is_within(entry.message.scope, forget.scope):
                    entry.is_forgotten = True
            self._inbox.put(forget)

    def close(self) -> None:
        """Ends everything that is not ready. What has been begun goes on until `join`, and nothing comes of it."""
        with self._lock:
            self._is_closed = True
            for request_id in list(self._open):
                self._end(request_id)
            for lane in (self._quick, self._long):
                lane.waiting.clear()
                lane.changed.notify_all()

    def join(self) -> None:
        """After `close`: waits until the model's vocabulary is used no more."""
        for thread in self._threads:
            thread.join()

    def _run(self, lane: _Lane) -> None:
        intake: Intake | None = None
        while True:
            with lane.changed:
                lane.changed.wait_for(lambda: lane.waiting or self._is_closed)
                if self._is_closed:
                    return
                entry = heapq.heappop(lane.waiting)
                if self._open.get(entry.message.request_id) is not entry:
                    continue
            prepared: Prepared
            try:
                intake = intake or lane.build_intake()
                prepared = _prepare(intake, entry.message)
            except InferenceError as error:
                prepared = error
            except Exception as error:
                logger.exception("A request could not be prepared")
                prepared = InferenceError(f"The request could not be prepared: {type(error).__name__}.")
            with self._lock:
                self._hand_on(entry, prepared)

    def _hand_on(self, entry: _Entry, prepared: Prepared) -> None:
        message, request_id = entry.message, entry.message.request_id
        if self._open.get(request_id) is not entry:
            # It was ended meanwhile.
            return
        del self._open[request_id]
        if isinstance(prepared, InferenceError):
            self._outbox.put([RequestFailed(request_id=request_id, code=prepared.code, message=str(prepared))])
            return
        if isinstance(prepared, Tokens):
            self._outbox.put([prepared])
            return
        if isinstance(prepared, Request):
            prepared.is_forgotten = entry.is_forgotten
            if prepared.rendered is not None:
                self._outbox.put([prepared.rendered])
        if isinstance(message, Submit) and message.is_render_only:
            self._outbox.put([RequestFinished(request_id=request_id, finish_reason="stop", stats=RequestStats())])
        else:
            self._inbox.put(prepared)

    def _end(self, request_id: str) -> bool:
        if self._open.pop(request_id, None) is None:
            return False
        self._outbox.put([RequestFinished(request_id=request_id, finish_reason="abort", stats=RequestStats())])
        return True


def _prepare(intake: Intake, message: Submission) -> Request | EmbeddingJob | Tokens:
    return intake.tokens(message) if isinstance(message, Tokenize) else intake.prepare(message)


def _has_images(message: Submission) -> bool:
    prompt = message.prompt if isinstance(message, Submit | Tokenize) else None
    return isinstance(prompt, ChatPrompt) and any(item.images for item in prompt.messages)
