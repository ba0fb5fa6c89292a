"""Keeps the sequences that are being computed side by side in the KV cache.

Where sequences have parts of the cache of their own, llama.cpp computes in one go only what lies in neighbouring parts, in rising
order (`llama_batch_allocr::split_equal`, with `sequential`). Each gap between them means another pass over the weights: four
sequences that generate took 18 ms a step side by side, and 26 ms as two and two (135M parameters, two cores).
"""

from collections.abc import Callable, Sequence

from inference.runner.engine.model_runner import ModelRunner
from inference.runner.engine.slot import Slot

#: So many steps may a gap last, unless closing it costs next to nothing: short ones close by themselves.
_PATIENCE = 8
_NEXT_TO_NOTHING_NS = 2_000_000
#: What moving a token is taken to cost before any was moved.
_FIRST_TOKEN_NS = 20_000
_SMOOTHING = 0.5


class Placement:
    """Two slots change places by saving and restoring what they hold; what they hold stays theirs."""

    def __init__(self, model: ModelRunner, slots: Sequence[Slot], *, max_pause_ns: int, clock_ns: Callable[[], int]) -> None:
        """Nothing is moved that would make streams stand still for longer than `max_pause_ns`."""
        self._model = model
        self._slots = slots
        self._max_pause_ns = max_pause_ns
        self._clock_ns = clock_ns
        self._token_ns = float(_FIRST_TOKEN_NS)
        self._num_steps_apart = 0

    def improve(self, running: Sequence[Slot]) -> None:
        """Moves at most one slot."""
        outside, free = misplaced([slot.seq_id for slot in running], len(self._slots))
        if not outside or not self._model.can_cut_saved:
            self._num_steps_apart = 0
            return
        self._num_steps_apart += 1
        movable = [slot for slot in running if slot.seq_id in outside and _can_move(slot)]
        hosts = [slot for slot in self._slots if slot.seq_id in free]
        if not movable:
            return
        slot = min(movable, key=lambda slot: len(slot.tokens))
        host = min(hosts, key=lambda slot: len(slot.tokens))
        cost_ns = (len(slot.tokens) + len(host.tokens)) * self._token_ns
        is_due = self._num_steps_apart > _PATIENCE or cost_ns <= _NEXT_TO_NOTHING_NS
        if is_due and cost_ns <= self._max_pause_ns:
            self._num_steps_apart = 0
            self._exchange(slot, host)

    def _exchange(self, first: Slot, second: Slot) -> None:
        """A state that cannot be saved stays where it is; one that cannot be restored is computed anew."""
        started_ns, num_tokens = self._clock_ns(), len(first.tokens) + len(second.tokens)
        states = [(slot, self._model.save(slot.seq_id) if slot.tokens else bytearray()) for slot in (first, second)]
        if any(payload is None for _slot, payload in states):
            return
        first.seq_id, second.seq_id = second.seq_id, first.seq_id
        for slot, payload in states:
            if not payload or not self._model.restore(slot.seq_id, payload):
                slot.forget()
                self._model.trim(slot.seq_id, 0)
        if num_tokens:
            cost_ns = (self._clock_ns() - started_ns) / num_tokens
            self._token_ns += _SMOOTHING * (cost_ns - self._token_ns)


def misplaced(seq_ids: Sequence[int], num_slots: int) -> tuple[set[int], set[int]]:
    """Of the places in use, those that would have to be others for all to lie side by side, as few as possible, and the
    places that these could have. Both are empty when there is no gap."""
    used = set(seq_ids)
    if not used or max(used) - min(used) < len(used):
        return set(), set()
    starts = range(num_slots - len(used) + 1)
    start = max(starts, key=lambda start: len(used & set(range(start, start + len(used)))))
    wanted = set(range(start, start + len(used)))
    return used - wanted, wanted - used


def _can_move(slot: Slot) -> bool:
    """Not while something is being brought into it, nor with images or after a shift: such states are not taken out."""
    request = slot.request
    return request is not None and slot.loading is None and not request.spans and not request.num_shifted_tokens
