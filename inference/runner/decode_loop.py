"""The main thread of a runner: takes work, steps the engine, hands on what comes of it."""

import contextlib
import queue

from inference.runner.connection import Inbox, Stop, Work
from inference.runner.engine.engine import Engine
from inference.runner.messages import Abort, Ping, Pong
from inference.runner.outbox import Outbox


class DecodeLoop:
    def __init__(self, engine: Engine, inbox: Inbox, outbox: Outbox) -> None:
        self._engine = engine
        self._inbox = inbox
        self._outbox = outbox
        self._stop: Stop | None = None

    def run(self) -> Stop:
        """Until a `Stop` comes; ends all requests then. Waits only when there is nothing to compute."""
        while self._stop is None:
            self._take_work()
            if self._engine.has_work:
                self._outbox.put(self._engine.step())
        self.end_all()
        return self._stop

    def end_all(self) -> None:
        """Every request that has come until now gets its final event."""
        self._drain()
        self._engine.abort_all()
        self._outbox.put(self._engine.step())

    def _take_work(self) -> None:
        if not self._engine.has_work:
            self._handle(self._inbox.get())
        self._drain()

    def _handle(self, work: Work) -> None:
        match work:
            case Stop():
                self._stop = self._stop or work
            case Abort(request_id):
                self._engine.abort(request_id)
            case Ping(nonce):
                scheduler = self._engine.scheduler
                counts = Pong(nonce=nonce, num_running=len(scheduler.running), num_waiting=len(scheduler.waiting))
                self._outbox.put([counts])
            case request:
                self._engine.add(request)

    def _drain(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._inbox.get_nowait())
