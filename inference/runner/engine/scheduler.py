"""Who gets a slot, and what each step computes. Pure: no model, no clock, no I/O."""

from collections import deque

from inference.runner.engine.batch import Chunk
from inference.runner.engine.media import MediaSpan, next_span
from inference.runner.engine.prefix_cache import Admission, choose_slot, is_being_computed
from inference.runner.engine.request import Request
from inference.runner.engine.slot import Slot

#: Where nobody's stream bounds it, prompts are read one after another: all together, everybody would wait for the last one's
#: end. So many tokens are read together all the same. A few short questions in one batch take less time than one by one beside
#: the answers to the first, and the first tokens come as early on the average (eight clients with new questions: 232 ms for all,
#: against 159, 245 and 324); answers that began together go on in one batch to their ends.
_BESIDE = 128


class Scheduler:
    """Each slot's computed tokens catch up with its request's tokens; there is no other difference between the prompt and
    the answer (vLLM's idea). A step takes one token of every slot that generates, then prompt chunks, oldest request first."""

    def __init__(self, *, num_slots: int, num_batch: int, num_ctx: int = 0, can_trim: bool = True) -> None:
        assert 0 < num_slots <= num_batch, "every generating slot must find a row"
        self.slots = [Slot(seq_id) for seq_id in range(num_slots)]
        self.waiting: deque[Request] = deque()
        #: Slots with a request, oldest admission first.
        self.running: list[Slot] = []
        self._num_batch = num_batch
        self._num_ctx = num_ctx
        self._can_trim = can_trim
        self._num_admitted = 0

    @property
    def has_work(self) -> bool:
        has_free_slot = len(self.running) < len(self.slots)
        return bool(self.waiting and has_free_slot) or any(slot.loading is None for slot in self.running)

    @property
    def has_room(self) -> bool:
        """Whether every request that waits will get a slot, and one more could."""
        return len(self.waiting) + len(self.running) < len(self.slots)

    @property
    def num_generating(self) -> int:
        return sum(slot.is_generating for slot in self.running)

    def add(self, request: Request) -> None:
        self.waiting.append(request)

    def admit(self) -> list[Admission]:
        """Gives free slots to those who wait, in the order of arrival."""
        admissions = []
        while (admission := self.admit_next()) is not None:
            admissions.append(admission)
        return admissions

    def admit_next(self) -> Admission | None:
        """Gives a free slot, if there is one, to whoever waits longest, but for those whose beginning is just being
        computed for another."""
        if not self.waiting or len(self.running) == len(self.slots):
            return None
        request = next((request for request in self.waiting if not self._is_being_computed(request)), None)
        if request is None:
            return None
        self.waiting.remove(request)
        choice = choose_slot(self.slots, request, num_ctx=self._num_ctx, can_trim=self._can_trim)
        slot = choice.slot
        admission = Admission(choice, request, slot.tokens, slot.scope)
        self._num_admitted += 1
        slot.request, slot.last_used, slot.tokens = request, self._num_admitted, slot.tokens[: choice.num_cached_tokens]
        slot.scope, slot.num_public_tokens = request.scope, request.num_public_tokens
        self.running.append(slot)
        return admission

    def _is_being_computed(self, request: Request) -> bool:
        return self._can_trim and is_being_computed(self.slots, request, num_ctx=self._num_ctx)

    def plan(self, prefill_budget: int) -> list[tuple[Slot, Chunk]]:
        """The next batch: at most `num_batch` tokens in all, at most `prefill_budget` (at least 1) of them of prompts."""
        planned = [(slot, _next_chunk(slot, 1)) for slot in self.running if slot.is_generating]
        room = min(max(prefill_budget, 1), self._num_batch - len(planned))
        is_alone = not planned
        for slot in self.running:
            if room <= 0:
                break
            if not slot.is_generating and slot.loading is None:
                chunk = _next_chunk(slot, room)
                room -= len(chunk.tokens)
                if chunk.tokens:
                    planned.append((slot, chunk))
                if is_alone:
                    room = min(room, _BESIDE - sum(len(chunk.tokens) for _, chunk in planned))
        # llama.cpp computes neighbouring sequences in one go only where they stand in this order: see `placement`.
        return sorted(planned, key=lambda item: item[0].seq_id)

    def next_media(self) -> tuple[Slot, MediaSpan] | None:
        """The image that is to be computed next: of the oldest request that has come to one."""
        for slot in self.running:
            if slot.request is not None and slot.request.spans and slot.loading is None:
                span = next_span(slot.request.spans, len(slot.tokens))
                if span is not None and span.start == len(slot.tokens):
                    return slot, span
        return None

    def release(self, slot: Slot) -> None:
        """The request has ended; its computed tokens stay for the next one."""
        slot.request = slot.loading = None
        self.running.remove(slot)


def _next_chunk(slot: Slot, limit: int) -> Chunk:
    request = slot.request
    assert request is not None, "only a running slot has something to compute"
    start = len(slot.tokens)
    end = start + limit
    if request.spans and (span := next_span(request.spans, start)) is not None:
        # An image is no part of a batch of tokens.
        end = min(end, span.start)
    tokens = request.tokens[start:end]
    return Chunk(slot.seq_id, start, tokens, wants_logits=start + len(tokens) == len(request.tokens))
