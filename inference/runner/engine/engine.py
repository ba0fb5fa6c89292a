"""The heart of a runner: one `step` computes one batch and says what came of it. One thread only; no I/O, no waiting."""

import time
from collections.abc import Callable

from inference.runner.engine.batch import Chunk, DecodeFailed, last_rows
from inference.runner.engine.kv_store import KVStore, Loaded
from inference.runner.engine.model_runner import ModelRunner, SamplingFailed
from inference.runner.engine.placement import Placement
from inference.runner.engine.prefill import PrefillBudget
from inference.runner.engine.prefix_cache import PrefixCache
from inference.runner.engine.request import Request
from inference.runner.engine.scheduler import Scheduler
from inference.runner.engine.shift import num_kept_tokens, shift
from inference.runner.engine.slot import Slot
from inference.runner.messages import OutputDelta, PromptProgress, RequestFailed, RequestFinished

Event = OutputDelta | PromptProgress | RequestFailed | RequestFinished
Planned = list[tuple[Slot, Chunk]]


class Engine:
    """Every request that is added ends with exactly one `RequestFinished` or `RequestFailed`."""

    def __init__(
        self,
        model_runner: ModelRunner,
        *,
        max_gap_ms: int = 150,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        store: KVStore | None = None,
    ) -> None:
        self._model = model_runner
        self._clock_ns = clock_ns
        self._budget = PrefillBudget(max_gap_ms=max_gap_ms, num_batch=model_runner.num_batch)
        #: Within a step, for bringing requests into slots while others stream: the step's batch takes time too.
        self._max_admitting_ns = max_gap_ms * 1_000_000 // 2
        self._aborted: set[str] = set()
        self._events: list[Event] = []
        self._step_ns = 0
        self.scheduler = Scheduler(
            num_slots=model_runner.num_slots,
            num_batch=model_runner.num_batch,
            num_ctx=model_runner.num_ctx,
            can_trim=model_runner.can_trim,
        )
        self.prefix_cache = PrefixCache(model_runner, self.scheduler.slots, store)
        self._placement = Placement(model_runner, self.scheduler.slots, max_pause_ns=max_gap_ms * 1_000_000, clock_ns=clock_ns)

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        return self.scheduler.has_work or bool(self._aborted)

    @property
    def is_loading(self) -> bool:
        """Whether a request waits for its state: a step now and then makes sure that it does not wait for ever."""
        return self.prefix_cache.is_loading

    def add(self, request: Request) -> None:
        self.scheduler.add(request)

    def abort(self, request_id: str) -> None:
        """Honoured at the next step; an unknown or ended request is no error."""
        self._aborted.add(request_id)

    def abort_all(self) -> None:
        self._aborted.update(request.request_id for request in self.scheduler.waiting)
        self._aborted.update(slot.request.request_id for slot in self.scheduler.running if slot.request)

    def take(self, loaded: Loaded) -> None:
        """A state that the store was asked for."""
        self.prefix_cache.take(loaded, self._clock_ns)

    def forget(self, scope: str) -> None:
        """Leaves nothing of what was computed for the scope, or below it, for later requests."""
        self.prefix_cache.forget(scope, self.scheduler.waiting)

    def step(self) -> list[Event]:
        """Returns what happened, in order."""
        started_ns = self._clock_ns()
        self._end_aborted()
        if self.is_loading:
            self.prefix_cache.give_up(started_ns)
        # Before copies are begun: what is being copied cannot be moved.
        self._placement.improve(self.scheduler.running, step_ns=self._step_ns)
        self._admit(started_ns)
        if self._compute_media():
            started_ns = self._clock_ns()
        num_generating = self.scheduler.num_generating
        planned = self.scheduler.plan(self._budget.tokens(num_generating))
        if planned:
            self._compute(planned)
            num_prefill = sum(len(chunk.tokens) for _slot, chunk in planned) - num_generating
            self._step_ns = self._clock_ns() - started_ns
            self._budget.observe(num_generating=num_generating, num_prefill=num_prefill, duration_ns=self._step_ns)
        events, self._events = self._events, []
        return events

    def _end_aborted(self) -> None:
        if not self._aborted:
            return
        for request in [r for r in self.scheduler.waiting if r.request_id in self._aborted]:
            self.scheduler.waiting.remove(request)
            self._emit_finished(request, "abort", num_read=0)
        for slot in [s for s in self.scheduler.running if s.request and s.request.request_id in self._aborted]:
            self._finish(slot, "abort", num_read=self._num_read(slot))
        self._aborted.clear()

    def _admit(self, now_ns: int) -> None:
        """States that are taken out for it take time. The first is always brought in; more wait for the next step while streams
        would stand still for them."""
        is_streaming = self.scheduler.num_generating > 0
        # Beside streams a prompt is computed in small parts, and a state is brought back without disturbing them.
        token_ns = 0.0 if is_streaming else self._budget.token_cost_ns
        while (admission := self.scheduler.admit_next()) is not None:
            request = admission.request
            request.admitted_ns = now_ns
            self.prefix_cache.place(admission, token_ns=token_ns)
            request.sampler = self._model.new_sampler(request.sampling, request.text_tokens, request.constraint)
            if is_streaming and self._clock_ns() - now_ns > self._max_admitting_ns:
                return

    def _compute_media(self) -> bool:
        """One image, if there is one to compute. The step's batch comes after it: it holds the logits that are drawn from."""
        found = self.scheduler.next_media()
        if found is None:
            return False
        slot, span = found
        try:
            self._model.decode_media(slot.seq_id, span.start, span.media)
        except DecodeFailed as error:
            self._fail(slot, error)
        else:
            assert slot.request is not None, "only a running slot has something to compute"
            slot.tokens += slot.request.tokens[span.start : span.end]
            self._emit_progress(slot)
        return True

    def _compute(self, planned: Planned) -> None:
        chunks = [chunk for _slot, chunk in planned]
        try:
            self._model.decode(chunks)
        except DecodeFailed as error:
            self._recover(planned, error)
            return
        for (slot, chunk), row in zip(planned, last_rows(chunks), strict=True):
            slot.tokens += chunk.tokens
            if chunk.wants_logits:
                self._sample(slot, row)
            else:
                self._emit_progress(slot)

    def _recover(self, planned: Planned, error: DecodeFailed) -> None:
        """A batch says nothing about which of its sequences is at fault: each is tried alone, and the one that fails
        alone fails; so does one whose state cannot be taken back to before the batch."""
        if len(planned) == 1:
            self._fail(planned[0][0], error)
            return
        restored: Planned = []
        for slot, chunk in planned:
            if self._model.trim(slot.seq_id, chunk.position):
                restored.append((slot, chunk))
            else:
                self._fail(slot, error)
        for item in restored:
            self._compute([item])

    def _sample(self, slot: Slot, row: int) -> None:
        request = slot.request
        assert request is not None, "only running slots are planned"
        if request.max_tokens == 0:
            self._finish(slot, "length")
            return
        try:
            token = self._model.sample(request.sampler, row)
        except SamplingFailed as error:
            self._end_with_error(self._release(slot), "invalid_request", str(error))
            return
        if not request.first_token_ns:
            request.first_token_ns = self._clock_ns()
        request.tokens.append(token)
        request.sampled.append(token)
        request.num_unsent_tokens += 1
        if self._model.is_end(token):
            self._finish(slot, "stop")
            return
        if request.logprobs is not None:
            logprob = self._model.logprob(row, token, request.logprobs.num_top)
            request.logprobs.add(logprob, request.detokenizer.num_held)
        self._emit_text(request, request.detokenizer.feed(request.shown_pieces.get(token) or self._model.piece(token)))
        finish_reason = self._reason_to_finish(slot, request)
        if finish_reason:
            self._finish(slot, finish_reason)

    def _reason_to_finish(self, slot: Slot, request: Request) -> str:
        """Empty while the answer goes on, for which a full slot is shifted."""
        if request.detokenizer.is_stopped:
            return "length" if self._model.is_cut_short(request.sampler, request.detokenizer.cut) else "stop"
        if request.has_reached_limit:
            return "length"
        if request.is_looping:
            return "repeat"
        is_full = len(request.tokens) + request.num_extra_tokens >= self._model.num_ctx
        return "length" if is_full and not (request.shifts and shift(self._model, slot)) else ""

    def _emit_text(self, request: Request, text: str) -> None:
        if text:
            logprobs = request.logprobs.take(len(text)) if request.logprobs else []
            self._events.append(OutputDelta(request.request_id, text, request.num_unsent_tokens, logprobs))
            request.num_unsent_tokens = 0

    def _emit_progress(self, slot: Slot) -> None:
        request = slot.request
        assert request is not None, "only running slots are planned"
        self._events.append(
            PromptProgress(
                request_id=request.request_id,
                num_computed_tokens=request.tokens_at(slot.num_computed_tokens),
                num_prompt_tokens=request.tokens_at(request.num_prompt_tokens),
            )
        )

    def _num_read(self, slot: Slot) -> int | None:
        """Tokens of the prompt that are computed; None for all of them."""
        request = slot.request
        return None if request is None or slot.is_generating else request.tokens_at(slot.num_computed_tokens)

    def _emit_finished(self, request: Request, finish_reason: str, *, num_read: int | None = None) -> None:
        stats = request.stats(self._clock_ns(), num_read=num_read)
        tokens = list(request.text_tokens) if request.wants_tokens else []
        self._events.append(
            RequestFinished(
                request_id=request.request_id,
                finish_reason=finish_reason,
                stats=stats,
                stop_text=request.detokenizer.stop_text,
                tokens=tokens,
            )
        )

    def _finish(self, slot: Slot, finish_reason: str, *, num_read: int | None = None) -> None:
        request = self._release(slot)
        self._emit_text(request, request.detokenizer.flush())
        if request.logprobs and not request.detokenizer.is_stopped and (rest := request.logprobs.take_all()):
            self._events.append(OutputDelta(request.request_id, "", 0, rest))
        self._emit_finished(request, finish_reason, num_read=num_read)

    def _fail(self, slot: Slot, error: DecodeFailed) -> None:
        self._clear(slot)
        request = self._release(slot)
        self._end_with_error(request, "engine_error", f"The model could not compute this answer: {error}.")

    def _end_with_error(self, request: Request, code: str, message: str) -> None:
        self._events.append(RequestFailed(request_id=request.request_id, code=code, message=message))

    def _release(self, slot: Slot) -> Request:
        request = slot.request
        assert request is not None, "a slot is released once"
        if request.sampler:
            request.sampler.close()
            request.sampler = None
        if request.num_shifted_tokens:
            self._forget_shifted(slot)
        if request.is_forgotten:
            self._clear(slot)
        self.scheduler.release(slot)
        return request

    def _forget_shifted(self, slot: Slot) -> None:
        """What was moved up says something of tokens that are gone: it is no beginning of any other prompt."""
        num_kept = num_kept_tokens(slot, self._model.num_ctx)
        if self._model.trim(slot.seq_id, num_kept):
            del slot.tokens[num_kept:]
        else:
            self._clear(slot)

    def _clear(self, slot: Slot) -> None:
        self.prefix_cache.clear(slot)
