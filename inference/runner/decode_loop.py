"""The main thread of a runner: takes work, steps the engine, hands on what comes of it."""

import contextlib
import queue
import time
from collections.abc import Callable

from inference.runner.connection import Inbox, Stop, Work
from inference.runner.engine.embedder import Embedder, EmbeddingJob
from inference.runner.engine.engine import Engine, Event
from inference.runner.engine.kv_store import Loaded
from inference.runner.gathering import Gathering
from inference.runner.held_output import HeldOutput
from inference.runner.messages import Abort, Forget, OutputDelta, Ping, Pong, RequestFailed, RequestFinished
from inference.runner.outbox import Outbox

#: How often the engine looks whether a state has been waited for long enough, when it has nothing else to do.
_LOADING_SECONDS = 1.0
#: Tokens that come faster than anybody sees go out together, about so often: waking what carries them to the page takes a core
#: from the model (two cores, 6 ms a token: 0.5 ms each time). The first token of an answer and its end never wait.
_INTERVAL_NS = 22_000_000
#: Beside threads that compute on all cores, whoever is woken may have to wait for the system's next tick, 4 ms. After a first
#: token the decode thread leaves its core to the service and the client for as long as they need (two cores: the token came 1.5
#: to 2.5 ms sooner).
_FIRST_TOKEN_PAUSE_S = 0.0006


class DecodeLoop:
    def __init__(
        self,
        engine: Engine | None,
        embedder: Embedder,
        inbox: Inbox,
        outbox: Outbox,
        *,
        shares_cores: bool = False,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        """Without `engine`, the model writes no text. `shares_cores`: it computes on those that carry its tokens."""
        self._engine = engine
        self._embedder = embedder
        self._inbox = inbox
        self._outbox = outbox
        self._shares_cores = shares_cores
        self._stop: Stop | None = None
        self._clock_ns = clock_ns
        self._held = HeldOutput()
        self._sent_ns = self._stepped_ns = 0
        self._gathering = Gathering()
        #: Requests of which something was sent.
        self._begun: set[str] = set()

    def run(self) -> Stop:
        """Until a `Stop` comes; ends all requests then. Waits only when there is nothing to compute."""
        while self._stop is None:
            self._take_work()
            if self._embedder.has_work:
                self._step_both()
            elif self._engine is not None and (self._engine.has_work or self._engine.is_loading):
                self._send(self._engine.step())
        self.end_all()
        return self._stop

    def end_all(self) -> None:
        """Every request that has come until now gets its final event."""
        self._drain()
        self._flush()
        self._embedder.abort_all()
        self._outbox.put(self._embedder.step())
        if self._engine is not None:
            self._engine.abort_all()
            self._outbox.put(self._engine.step())

    def _step_both(self) -> None:
        """Streams wait for a step of the engine and one of the embedder: the latter is told how long the former took."""
        self._flush()
        started_ns, num_generating = time.perf_counter_ns(), 0
        if self._engine is not None and (self._engine.has_work or self._engine.is_loading):
            self._send(self._engine.step())
            self._flush()
            num_generating = self._engine.scheduler.num_generating
        stalled_ns = time.perf_counter_ns() - started_ns if num_generating else 0
        self._outbox.put(self._embedder.step(num_generating=num_generating, stalled_ns=stalled_ns))

    def _send(self, events: list[Event]) -> None:
        assert self._engine is not None, "the events are its"
        self._held.add(events)
        new = {event.request_id for event in events if isinstance(event, OutputDelta)} - self._begun
        may_wait = not new and all(isinstance(event, OutputDelta) for event in events)
        for event in events:
            if isinstance(event, OutputDelta):
                self._begun.add(event.request_id)
            elif isinstance(event, RequestFinished | RequestFailed):
                self._begun.discard(event.request_id)
                self._gathering.note_end(self._clock_ns())
        # A step with a prompt in it takes long.
        is_short = self._engine.scheduler.num_generating == len(self._engine.scheduler.running)
        if not (may_wait and is_short) or self._is_due():
            self._flush()
        if self._shares_cores and not new.isdisjoint(self._begun):
            time.sleep(_FIRST_TOKEN_PAUSE_S)

    def _is_due(self) -> bool:
        """Whether now is nearer to the interval's end than after one more step like the last."""
        now_ns = self._clock_ns()
        step_ns, self._stepped_ns = now_ns - self._stepped_ns, now_ns
        return now_ns - self._sent_ns + step_ns // 2 >= _INTERVAL_NS

    def _flush(self) -> None:
        if events := self._held.take():
            self._outbox.put(events)
            self._sent_ns = self._stepped_ns = self._clock_ns()

    def _take_work(self) -> None:
        if not (self._embedder.has_work or (self._engine is not None and self._engine.has_work)):
            self._flush()
            is_loading = self._engine is not None and self._engine.is_loading
            with contextlib.suppress(queue.Empty):
                self._handle(self._inbox.get(timeout=_LOADING_SECONDS if is_loading else None))
        self._drain()
        self._gather()

    def _gather(self) -> None:
        """Only while nobody's stream would stand still for it."""
        engine = self._engine
        if engine is None or not engine.scheduler.waiting:
            return
        since_ns = self._clock_ns()
        while not engine.scheduler.running and engine.scheduler.has_room:
            patience_ns = self._gathering.patience_ns(since_ns, self._clock_ns())
            if patience_ns <= 0:
                break
            try:
                self._handle(self._inbox.get(timeout=patience_ns / 1e9))
            except queue.Empty:
                break
        self._gathering.end()

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
                self._gathering.note_arrival(request.num_following, self._clock_ns())

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
