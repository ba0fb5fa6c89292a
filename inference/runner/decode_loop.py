"""The main thread of a runner: takes work, steps the engine, hands on what comes of it."""

import contextlib
import queue
import time

from inference.runner.connection import Inbox, Stop, Work
from inference.runner.engine.embedder import Embedder, EmbeddingJob
from inference.runner.engine.engine import Engine
from inference.runner.engine.kv_store import Loaded
from inference.runner.messages import Abort, Forget, Ping, Pong
from inference.runner.outbox import Outbox

#: How often the engine looks whether a state has been waited for long enough, when it has nothing else to do.
_LOADING_SECONDS = 1.0


class DecodeLoop:
    def __init__(self, engine: Engine | None, embedder: Embedder, inbox: Inbox, outbox: Outbox) -> None:
        """Without `engine`, the model writes no text."""
        self._engine = engine
        self._embedder = embedder
        self._inbox = inbox
        self._outbox = outbox
        self._stop: Stop | None = None

    def run(self) -> Stop:
        """Until a `Stop` comes; ends all requests then. Waits only when there is nothing to compute."""
        while self._stop is None:
            self._take_work()
            if self._embedder.has_work:
                self._step_both()
            elif self._engine is not None and (self._engine.has_work or self._engine.is_loading):
                self._outbox.put(self._engine.step())
        self.end_all()
        return self._stop

    def end_all(self) -> None:
        """Every request that has come until now gets its final event."""
        self._drain()
        self._embedder.abort_all()
        self._outbox.put(self._embedder.step())
        if self._engine is not None:
            self._engine.abort_all()
            self._outbox.put(self._engine.step())

    def _step_both(self) -> None:
        """Streams wait for a step of the engine and one of the embedder: the latter is told how long the former took."""
        started_ns, num_generating = time.perf_counter_ns(), 0
        if self._engine is not None and self._engine.has_work:
            self._outbox.put(self._engine.step())
            num_generating = self._engine.scheduler.num_generating
        stalled_ns = time.perf_counter_ns() - started_ns if num_generating else 0
        self._outbox.put(self._embedder.step(num_generating=num_generating, stalled_ns=stalled_ns))

    def _take_work(self) -> None:
        if not (self._embedder.has_work or (self._engine is not None and self._engine.has_work)):
            is_loading = self._engine is not None and self._engine.is_loading
            with contextlib.suppress(queue.Empty):
                self._handle(self._inbox.get(timeout=_LOADING_SECONDS if is_loading else None))
        self._drain()

    def _handle(self, work: Work) -> None:
        match work:
            case Stop():
                self._stop = self._stop or work
            case Abort(request_id):
                self._embedder.abort(request_id)
                if self._engine is not None:
                    self._engine.abort(request_id)
            case Loaded():
                assert self._engine is not None, "the engine asked for it"
                self._engine.take(work)
            case Forget(scope):
                if self._engine is not None:
                    self._engine.forget(scope)
            case Ping(nonce):
                self._outbox.put([self._pong(nonce)])
            case EmbeddingJob():
                self._embedder.add(work)
            case request:
                assert self._engine is not None, "such requests are refused before they come here"
                self._engine.add(request)

    def _pong(self, nonce: int) -> Pong:
        num_running, num_waiting = len(self._embedder.jobs), 0
        if self._engine is not None:
            num_running += len(self._engine.scheduler.running)
            num_waiting += len(self._engine.scheduler.waiting)
        return Pong(nonce=nonce, num_running=num_running, num_waiting=num_waiting)

    def _drain(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._inbox.get_nowait())
