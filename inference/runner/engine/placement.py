"""Keeps the sequences that are being computed side by side in the KV cache.

Where sequences have parts of the cache of their own, llama.cpp computes in one go only what lies in neighbouring parts, in rising
order (`llama_batch_allocr::split_equal`, with `sequential`). Each gap between them means another pass over the weights: four
sequences that generate took 18 ms a step side by side, and 26 ms as two and two (135M parameters, two cores).
"""

from collections.abc import Callable, Sequence

from inference.runner.engine.model_runner import ModelRunner
from inference.runner.engine.slot import Slot

#: The least that a gap was seen to add to a step (two cores: 28 ms for eight side by side, 35 for seven and one).
_GAP_COST = 0.25
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
        self._cost_so_far_ns = 0.0

    def improve(self, running: Sequence[Slot], *, step_ns: int) -> None:
        """Before a step; `step_ns` is what the last one took. A slot moves when the gap has cost as much as the move will:
        short gaps close by themselves, and of long ones no more than twice the cheaper way is paid (the ski rental rule)."""
        paused_ns = 0.0
        while (move := self._next_move(running)) is not None:
            if not paused_ns:
                self._cost_so_far_ns += _GAP_COST * step_ns
            slot, host, cost_ns = move
            if cost_ns > self._cost_so_far_ns or paused_ns + cost_ns > self._max_pause_ns:
                return
            self._cost_so_far_ns -= cost_ns
            paused_ns += cost_ns
            if not self._exchange(slot, host):
                return
        self._cost_so_far_ns = 0.0

    def _next_move(self, running: Sequence[Slot]) -> tuple[Slot, Slot, float] | None:
        """A slot, the one to change places with, and what it will take, in ns."""
        outside, free = misplaced([slot.seq_id for slot in running], len(self._slots))
        if not outside or not self._model.can_cut_saved:
            return None
        movable = [slot for slot in running if slot.seq_id in outside and _can_move(slot)]
        # The shortest first, so that as a rule no longer one is looked through: this is asked at each step.
        hosts = sorted((slot for slot in self._slots if slot.seq_id in free), key=lambda slot: len(slot.tokens))
        host = next((slot for slot in hosts if _can_be_taken_out(slot.tokens)), None)
        if not movable or host is None:
            return None
        slot = min(movable, key=lambda slot: len(slot.tokens))
        return slot, host, (len(slot.tokens) + len(host.tokens)) * self._token_ns

    def _exchange(self, first: Slot, second: Slot) -> bool:
        """Whether they changed places. What cannot be saved stays where it is; what cannot be restored is computed anew."""
        started_ns, num_tokens = self._clock_ns(), len(first.tokens) + len(second.tokens)
        states = [(slot, self._model.save(slot.seq_id) if slot.tokens else bytearray()) for slot in (first, second)]
        if any(payload is None for _slot, payload in states):
            return False
        first.seq_id, second.seq_id = second.seq_id, first.seq_id
        for slot, payload in states:
            if not payload or not self._model.restore(slot.seq_id, payload):
                slot.forget()
                self._model.trim(slot.seq_id, 0)
        if num_tokens:
            cost_ns = (self._clock_ns() - started_ns) / num_tokens
            self._token_ns += _SMOOTHING * (cost_ns - self._token_ns)
        return True


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
    """Not while something is being brought into it, nor with images or after a shift."""
    request = slot.request
    return request is not None and slot.loading is None and not request.spans and not request.num_shifted_tokens


def _can_be_taken_out(tokens: Sequence[int]) -> bool:
    """Images, which negative numbers stand for, have positions of their own kind: a state that is taken out does not tell that
    they come back as they were. They stay where they are."""
    return not tokens or min(tokens) >= 0
