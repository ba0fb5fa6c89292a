"""Who gets a slot, and what each step computes. Pure: no model, no clock, no I/O."""

from collections import deque
from dataclasses import dataclass

from inference.runner.engine.batch import Chunk
from inference.runner.engine.request import Request
from inference.runner.engine.slot import Slot, common_prefix

#: A shorter common beginning (a template's first words) is not worth taking over a slot that someone may come back to.
_WORTHWHILE_PREFIX = 0.1


@dataclass(frozen=True, slots=True)
class Admission:
    slot: Slot
    #: Tokens of the slot that are the request's beginning too; what follows them is to be trimmed from the KV cache.
    num_cached_tokens: int


class Scheduler:
    """Each slot's computed tokens catch up with its request's tokens; there is no other difference between the prompt and
    the answer (vLLM's idea). A step takes one token of every slot that generates, then prompt chunks, oldest request first."""

    def __init__(self, *, num_slots: int, num_batch: int) -> None:
        assert 0 < num_slots <= num_batch, "every generating slot must find a row"
        self.slots = [Slot(seq_id) for seq_id in range(num_slots)]
        self.waiting: deque[Request] = deque()
        #: Slots with a request, oldest admission first.
        self.running: list[Slot] = []
        self._num_batch = num_batch
        self._num_admitted = 0

    @property
    def has_work(self) -> bool:
        return bool(self.running or self.waiting)

    @property
    def num_generating(self) -> int:
        return sum(slot.is_generating for slot in self.running)

    def add(self, request: Request) -> None:
        self.waiting.append(request)

    def admit(self) -> list[Admission]:
        """Gives free slots to those who wait, in the order of arrival."""
        admissions = []
        while self.waiting and len(self.running) < len(self.slots):
            request = self.waiting.popleft()
            slot, prefix = self._choose_slot(request)
            self._num_admitted += 1
            slot.request, slot.last_used = request, self._num_admitted
            # The last token is computed in any case: its logits are what the first token is drawn from.
            num_cached_tokens = min(prefix, request.num_prompt_tokens - 1)
            del slot.tokens[num_cached_tokens:]
            self.running.append(slot)
            admissions.append(Admission(slot, num_cached_tokens))
        return admissions

    def plan(self, prefill_budget: int) -> list[tuple[Slot, Chunk]]:
        """The next batch: at most `num_batch` tokens in all, at most `prefill_budget` (at least 1) of them of prompts."""
        planned = [(slot, _next_chunk(slot, 1)) for slot in self.running if slot.is_generating]
        room = min(max(prefill_budget, 1), self._num_batch - len(planned))
        for slot in self.running:
            if room <= 0:
                break
            if not slot.is_generating:
                chunk = _next_chunk(slot, room)
                room -= len(chunk.tokens)
                planned.append((slot, chunk))
        return planned

    def release(self, slot: Slot) -> None:
        """The request has ended; its computed tokens stay for the next one."""
        slot.request = None
        self.running.remove(slot)

    def _choose_slot(self, request: Request) -> tuple[Slot, int]:
        idle = [(slot, common_prefix(slot.tokens, request.tokens)) for slot in self.slots if slot.request is None]
        best = max(idle, key=lambda pair: (pair[1], -pair[0].last_used))
        if best[1] >= _WORTHWHILE_PREFIX * request.num_prompt_tokens:
            return best
        return min(idle, key=lambda pair: pair[0].last_used)


def _next_chunk(slot: Slot, limit: int) -> Chunk:
    request = slot.request
    assert request is not None, "only a running slot has something to compute"
    start = len(slot.tokens)
    tokens = request.tokens[start : start + limit]
    return Chunk(slot.seq_id, start, tokens, wants_logits=start + len(tokens) == len(request.tokens))
