"""Reads and writes saved states in a thread of its own, so that the decode thread never waits for a disk."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.runner.engine.kv_store import KVIndex, Loaded, StoredState, is_worth_storing
from inference.runner.kv_folder import KVFolder, state_name
from inference.scopes import is_within

logger = logging.getLogger(__name__)

#: States that wait to be written stay in memory: with more than this waiting, further ones are not kept at all.
_MAX_WAITING_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Load:
    request_id: str
    state: StoredState


@dataclass(frozen=True, slots=True, eq=False)
class _Save:
    state: StoredState
    payload: bytearray


@dataclass(frozen=True, slots=True)
class _Delete:
    names: list[str]


class KVWorker(threading.Thread):
    """Implements `inference.runner.engine.kv_store.KVStore`; `deliver` is called in this thread. Reads go before writes:
    somebody waits for them."""

    def __init__(
        self,
        folder: KVFolder,
        deliver: Callable[[Loaded], None],
        *,
        whole_only: bool = False,
        max_waiting_bytes: int = _MAX_WAITING_BYTES,
    ) -> None:
        super().__init__(name="kv-worker", daemon=True)
        self._folder = folder
        self._deliver = deliver
        self._max_waiting_bytes = max_waiting_bytes
        self._changed = threading.Condition()
        self._index = KVIndex(whole_only=whole_only)
        self._loads: deque[_Load] = deque()
        self._writes: deque[_Save | _Delete] = deque()
        #: By the names of their states, those that are still to be written or being written. What is forgotten is taken out, and
        #: may come back as another save of the same name.
        self._saves: dict[str, _Save] = {}
        self._is_busy = False
        for state in folder.scan():
            self._index.add(state)

    def find(self, scope: str, tokens: Sequence[int]) -> tuple[StoredState, int] | None:
        with self._changed:
            return self._index.find(scope, tokens)

    def wants(self, scope: str, tokens: Sequence[int]) -> bool:
        if not is_worth_storing(tokens):
            return False
        with self._changed:
            num_waiting = sum(len(save.payload) for save in self._saves.values())
            return num_waiting < self._max_waiting_bytes and not self._index.covers(scope, tokens)

    def can_hold(self, scope: str, num_tokens: int, num_bytes: int) -> bool:
        return self._folder.can_hold(scope, num_tokens, num_bytes)

    def save(self, scope: str, tokens: Sequence[int], payload: bytearray) -> None:
        save = _Save(StoredState(state_name(scope, tokens), scope, list(tokens), len(payload)), payload)
        with self._changed:
            self._index.add(save.state)
            self._saves[save.state.name] = save
            self._writes.append(save)
            self._changed.notify_all()

    def load(self, request_id: str, state: StoredState) -> None:
        with self._changed:
            self._loads.append(_Load(request_id, state))
            self._changed.notify_all()

    def discard(self, state: StoredState) -> None:
        with self._changed:
            self._drop([state])

    def forget(self, scope: str) -> None:
        with self._changed:
            self._drop(self._index.within(scope))
            self._writes = deque(job for job in self._writes if not _is_save_within(job, scope))

    def drain(self, seconds: float) -> bool:
        """Waits until everything is written, at most so long; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._loads or self._writes or self._is_busy), max(0.0, seconds))

    def run(self) -> None:
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._loads or self._writes)
                job = self._loads.popleft() if self._loads else self._writes.popleft()
                self._is_busy = True
            try:
                self._do(job)
            except Exception:
                # Whatever it was, conversations go on without saved states.
                logger.exception("A saved state could not be handled")

    def _do(self, job: _Load | _Save | _Delete) -> None:
        match job:
            case _Load(request_id, state):
                self._deliver(Loaded(request_id, state, self._read(state)))
            case _Save():
                self._write(job)
            case _Delete(names):
                for name in names:
                    self._folder.delete(name)

    def _read(self, state: StoredState) -> bytearray | None:
        with self._changed:
            save = self._saves.get(state.name)
        if save is not None:
            return save.payload
        payload = self._folder.read(state)
        if payload is None:
            with self._changed:
                self._index.remove(state.name)
        return payload

    def _write(self, save: _Save) -> None:
        if not self._is_wanted(save):
            return
        is_written = self._folder.write(save.state, save.payload, lambda: self._is_wanted(save))
        names = self._folder.names()
        with self._changed:
            # Otherwise it was forgotten: its deletion waits, and after that, perhaps, the same saved anew.
            if self._saves.get(save.state.name) is save:
                self._note_written(save.state, is_written)
            # Room may have been made at the cost of our own.
            self._index.keep(names | self._saves.keys())

    def _is_wanted(self, save: _Save) -> bool:
        with self._changed:
            return self._saves.get(save.state.name) is save

    def _note_written(self, state: StoredState, is_written: bool) -> None:
        del self._saves[state.name]
        if is_written:
            self._drop([old for old in self._index.replaced_by(state.scope, state.tokens) if old.name != state.name])
        else:
            self._index.remove(state.name)

    def _drop(self, states: list[StoredState]) -> None:
        for state in states:
            self._index.remove(state.name)
            self._saves.pop(state.name, None)
        if states:
            self._writes.append(_Delete([state.name for state in states]))
            self._changed.notify_all()


def _is_save_within(job: _Save | _Delete, scope: str) -> bool:
    return isinstance(job, _Save) and is_within(job.state.scope, scope)
