"""Nothing is computed twice: which of the computed beginnings a request goes on from, and how it gets there.

A beginning may stand in the request's own slot, in another one (it is copied) or outside the KV cache (it is brought back).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from inference.runner.engine.kv_store import MIN_GAIN, KVStore, Loaded, StoredState, is_worth_storing
from inference.runner.engine.load_cost import LoadCost
from inference.runner.engine.media import uncut
from inference.runner.engine.model_runner import ModelRunner
from inference.runner.engine.request import Request
from inference.runner.engine.slot import Slot, common_prefix
from inference.scopes import is_within, owner_of

#: A shorter common beginning (a template's first words) is not worth taking over a slot that someone may come back to.
_WORTHWHILE_PREFIX = 0.1
#: A copy takes the time of all tokens that a slot has room for, each about a thousandth of what computing one takes
#: (measured: 3 µs against 3.3 ms). With this share of them it is well worth it.
_COPIED_SHARE = 256
#: In contexts so small that a copy costs next to nothing.
_LEAST_COPIED = 4
#: For what a copy may gain but is not sure to (somebody may come back to a slot), or costs a step's wait, it takes more.
_UNSURE = 4
#: Slots that are compared with all others before one of them is taken over: the decode thread has no time for more.
_CANDIDATES = 8
#: A disk that takes longer to read a state is not waited for.
_LONGEST_LOAD_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A slot, how many of its own tokens stay, and another slot (or None) with more of the same beginning."""

    slot: Slot
    num_cached_tokens: int
    donor: Slot | None = None
    num_shared_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that got a slot. `old_tokens` are those that are in the KV cache still, computed in `old_scope`."""

    choice: Choice
    request: Request
    old_tokens: Sequence[int]
    old_scope: str

    @property
    def slot(self) -> Slot:
        return self.choice.slot

    @property
    def num_cached_tokens(self) -> int:
        """Tokens of the slot that are the request's beginning too; what follows them is to be trimmed from the KV cache."""
        return self.choice.num_cached_tokens


def choose_slot(slots: Sequence[Slot], request: Request, *, num_ctx: int, can_trim: bool = True) -> Choice:
    """At least one slot has to be idle."""
    min_copy = least_copied(num_ctx)
    common = {slot.seq_id: common_prefix(slot.tokens, request.tokens) for slot in slots}
    prefixes = {slot.seq_id: _reusable(slot, request, common[slot.seq_id], can_trim=can_trim) for slot in slots}
    idle = [slot for slot in slots if slot.request is None]
    best = max(idle, key=lambda slot: (prefixes[slot.seq_id], -slot.last_used))
    num_cached = prefixes[best.seq_id]
    if num_cached == 0 or num_cached < _WORTHWHILE_PREFIX * request.num_prompt_tokens:
        best = min(idle, key=lambda slot: slot.last_used)
    elif num_cached >= min_copy and not _is_same_conversation(best, request):
        # What is only a common beginning is copied, if another slot can be had for less than what would be lost here.
        num_lost = len(best.tokens) - num_cached
        if num_lost >= _UNSURE * min_copy:
            spare, num_spare = _least_loss(slots, idle, common)
            best = spare if num_spare <= num_lost else best
    num_cached = prefixes[best.seq_id]
    donor = max(slots, key=lambda slot: prefixes[slot.seq_id])
    if prefixes[donor.seq_id] - num_cached < min_copy:
        return Choice(best, num_cached)
    return Choice(best, num_cached, donor, prefixes[donor.seq_id])


def _least_loss(slots: Sequence[Slot], idle: Sequence[Slot], common: Mapping[int, int]) -> tuple[Slot, int]:
    """The idle slot whose taking over loses the fewest tokens that no other slot has, and how many: of a prompt that was
    asked twice, one copy is enough. `common` are the tokens that each slot has in common with one and the same prompt."""

    def shared(one: Slot, other: Slot) -> int:
        same, others = common[one.seq_id], common[other.seq_id]
        # Where one of them leaves the prompt, it leaves the other too.
        return min(same, others) if same != others else common_prefix(one.tokens, other.tokens, same)

    losses = {
        slot.seq_id: len(slot.tokens) - max((shared(slot, other) for other in slots if other is not slot), default=0)
        for slot in nsmallest(_CANDIDATES, idle, key=lambda slot: (len(slot.tokens), slot.last_used))
    }
    best = min((slot for slot in idle if slot.seq_id in losses), key=lambda slot: (losses[slot.seq_id], slot.last_used))
    return best, losses[best.seq_id]


def least_copied(num_ctx: int) -> int:
    """So many tokens are worth a copy."""
    return max(_LEAST_COPIED, num_ctx // _COPIED_SHARE)


def is_being_computed(slots: Sequence[Slot], request: Request, *, num_ctx: int) -> bool:
    """Whether another prompt that is being read begins with much of this one, so that it can be copied in a moment: of many
    who ask at once with the same beginning, only the first has it computed."""
    if request.spans:
        return False
    reading = [slot for slot in slots if slot.request and not slot.request.spans and not slot.is_generating and not slot.loading]
    if not reading:
        return False
    num_there = max(reusable_tokens(slot, request) for slot in slots)
    return any(
        num_coming - num_there >= _UNSURE * least_copied(num_ctx) and len(slot.tokens) < num_coming
        for slot in reading
        if (num_coming := _tokens_to_come(slot, request))
    )


def _tokens_to_come(slot: Slot, request: Request) -> int:
    """Like `reusable_tokens`, of what the slot will hold when its prompt is read."""
    assert slot.request is not None, "it reads one"
    num_common = common_prefix(slot.request.tokens, request.tokens)
    if owner_of(slot.scope) != owner_of(request.scope):
        num_common = min(num_common, slot.num_public_tokens)
    return min(num_common, request.num_prompt_tokens - 1)


def reusable_tokens(slot: Slot, request: Request, *, can_trim: bool = True) -> int:
    """Tokens of a slot that a request may go on from: of its own owner's, or such as everybody knows."""
    return _reusable(slot, request, common_prefix(slot.tokens, request.tokens), can_trim=can_trim)


def _reusable(slot: Slot, request: Request, num_common: int, *, can_trim: bool) -> int:
    if owner_of(slot.scope) != owner_of(request.scope):
        num_common = min(num_common, slot.num_public_tokens)
    # The last token is computed in any case: its logits are what the first token is drawn from.
    num_usable = min(num_common, request.num_prompt_tokens - 1)
    if request.spans:
        num_usable = uncut(request.spans, num_usable)
    return num_usable if can_trim or num_usable == len(slot.tokens) else 0


def _is_same_conversation(slot: Slot, request: Request) -> bool:
    return slot.scope == request.scope and "/" in request.scope


class PrefixCache:
    """The engine's hand in it. Without a store, nothing is kept outside the KV cache."""

    def __init__(self, model: ModelRunner, slots: Sequence[Slot], store: KVStore | None) -> None:
        self._model = model
        self._slots = slots
        self._store = store
        self._load_cost = LoadCost()

    @property
    def is_loading(self) -> bool:
        return any(slot.loading is not None for slot in self._slots)

    def place(self, admission: Admission, *, token_ns: float = 0.0) -> None:
        """Makes the slot hold as much as there is of the request's beginning, or begins to bring it back where that takes less
        time than to compute it at `token_ns` a token (0: nobody knows)."""
        choice, request = admission.choice, admission.request
        found = None
        if self._store is not None:
            self._save_old(admission, self._store)
            found = self._find(self._store, admission, token_ns)
        if found is not None:
            self._keep(choice.slot, choice.num_cached_tokens)
            assert self._store is not None, "it was found there"
            choice.slot.loading = found
            self._store.load(request.request_id, found)
        elif choice.donor is not None:
            self._copy(choice.donor, choice.slot, choice.num_shared_tokens)
        else:
            self._keep(choice.slot, choice.num_cached_tokens)
        request.num_cached_tokens = choice.slot.num_computed_tokens

    def _find(self, store: KVStore, admission: Admission, token_ns: float) -> StoredState | None:
        """What is worth being brought back."""
        found = store.find(admission.request.scope, admission.request.tokens)
        if found is None:
            return None
        state, num_common = found
        num_gained = num_common - max(admission.choice.num_cached_tokens, admission.choice.num_shared_tokens)
        return state if num_gained >= MIN_GAIN and self._load_cost.decide(state.size, num_gained * token_ns) else None

    def take(self, loaded: Loaded, clock_ns: Callable[[], int]) -> None:
        """Goes on with what was brought back. Of a request that has ended or waits for it no more, it is dropped."""
        slot = next((s for s in self._slots if s.request and s.request.request_id == loaded.request_id), None)
        if slot is None or slot.request is None or slot.loading is not loaded.state:
            return
        slot.loading = None
        if loaded.payload is None:
            return
        if self._model.restore(slot.seq_id, loaded.payload):
            slot.tokens = list(loaded.state.tokens)
            self._keep(slot, reusable_tokens(slot, slot.request))
            self._load_cost.observe(loaded.state.size, clock_ns() - slot.request.admitted_ns)
        else:
            self.clear(slot)
            self._discard(loaded.state)
        slot.request.num_cached_tokens = slot.num_computed_tokens

    def give_up(self, now_ns: int) -> None:
        """What a disk holds back for too long is computed."""
        for slot in self._slots:
            if slot.loading is not None and slot.request and now_ns - slot.request.admitted_ns > _LONGEST_LOAD_NS:
                slot.loading = None

    def forget(self, scope: str, waiting: Sequence[Request]) -> None:
        """What belongs to the scope goes, in use or not; of requests that are being answered, at their end."""
        for slot in self._slots:
            if slot.request is None and is_within(slot.scope, scope):
                self.clear(slot)
        for request in [*waiting, *(slot.request for slot in self._slots if slot.request)]:
            request.is_forgotten = request.is_forgotten or is_within(request.scope, scope)
        if self._store is not None:
            self._store.forget(scope)

    def save_all(self) -> Iterator[None]:
        """Hands the idle slots' states to the store, those used last first; after each, the caller may stop."""
        if self._store is None:
            return
        for slot in sorted(self._slots, key=lambda slot: -slot.last_used):
            if slot.request is None and self._save(self._store, slot.seq_id, slot.scope, slot.tokens):
                yield

    def clear(self, slot: Slot) -> None:
        slot.forget()
        self._model.trim(slot.seq_id, 0)

    def _save_old(self, admission: Admission, store: KVStore) -> None:
        """Before the slot is taken over: what it loses, unless that is little."""
        if len(admission.old_tokens) - admission.num_cached_tokens >= MIN_GAIN:
            self._save(store, admission.slot.seq_id, admission.old_scope, admission.old_tokens)

    def _save(self, store: KVStore, seq_id: int, scope: str, tokens: Sequence[int]) -> bool:
        if not is_worth_storing(tokens) or not store.wants(scope, tokens):
            return False
        if not store.can_hold(scope, len(tokens), self._model.saved_size(seq_id)):
            return False
        payload = self._model.save(seq_id)
        if payload is not None:
            store.save(scope, tokens, payload)
        return payload is not None

    def _keep(self, slot: Slot, num_tokens: int) -> None:
        if self._model.trim(slot.seq_id, num_tokens):
            del slot.tokens[num_tokens:]
        else:
            self.clear(slot)

    def _copy(self, donor: Slot, slot: Slot, num_tokens: int) -> None:
        self._model.copy(donor.seq_id, slot.seq_id)
        slot.tokens = list(donor.tokens)
        self._keep(slot, num_tokens)

    def _discard(self, state: StoredState) -> None:
        if self._store is not None:
            self._store.discard(state)
