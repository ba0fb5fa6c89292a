"""The heart of a runner: one `step` computes one batch and says what came of it. One thread only; no I/O, no waiting."""

import time
from collections.abc import Callable

from inference.runner.engine.batch import Chunk, DecodeFailed, last_rows
from inference.runner.engine.model_runner import ModelRunner
from inference.runner.engine.prefill import PrefillBudget
from inference.runner.engine.request import Request
from inference.runner.engine.scheduler import Scheduler
from inference.runner.engine.slot import Slot
from inference.runner.messages import OutputDelta, PromptProgress, RequestFailed, RequestFinished

Event = OutputDelta | PromptProgress | RequestFailed | RequestFinished
Planned = list[tuple[Slot, Chunk]]


class Engine:
    """Every request that is added ends with exactly one `RequestFinished` or `RequestFailed`."""

    def __init__(
        self, model_runner: ModelRunner, *, max_gap_ms: int = 150, clock_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._model = model_runner
        self._clock_ns = clock_ns
        self._budget = PrefillBudget(max_gap_ms=max_gap_ms, num_batch=model_runner.num_batch)
        self._aborted: set[str] = set()
        self._events: list[Event] = []
        self.scheduler = Scheduler(num_slots=model_runner.num_slots, num_batch=model_runner.num_batch)

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        return self.scheduler.has_work

    def add(self, request: Request) -> None:
        self.scheduler.add(request)

    def abort(self, request_id: str) -> None:
        """Honoured at the next step; an unknown or ended request is no error."""
        self._aborted.add(request_id)

    def abort_all(self) -> None:
        self._aborted.update(request.request_id for request in self.scheduler.waiting)
        self._aborted.update(slot.request.request_id for slot in self.scheduler.running if slot.request)

    def step(self) -> list[Event]:
        """Returns what happened, in order."""
        started_ns = self._clock_ns()
        self._end_aborted()
        self._admit(started_ns)
        num_generating = self.scheduler.num_generating
        planned = self.scheduler.plan(self._budget.tokens(num_generating))
        if planned:
            self._compute(planned)
            num_prefill = sum(len(chunk.tokens) for _slot, chunk in planned) - num_generating
            duration_ns = self._clock_ns() - started_ns
            self._budget.observe(num_generating=num_generating, num_prefill=num_prefill, duration_ns=duration_ns)
        events, self._events = self._events, []
        return events

    def _end_aborted(self) -> None:
        if not self._aborted:
            return
        for request in [r for r in self.scheduler.waiting if r.request_id in self._aborted]:
            self.scheduler.waiting.remove(request)
            self._emit_finished(request, "abort")
        for slot in [s for s in self.scheduler.running if s.request and s.request.request_id in self._aborted]:
            self._finish(slot, "abort")
        self._aborted.clear()

    def _admit(self, now_ns: int) -> None:
        for admission in self.scheduler.admit():
            slot, request = admission.slot, admission.slot.request
            assert request is not None, "an admission has a request"
            request.admitted_ns = now_ns
            if self._model.trim(slot.seq_id, admission.num_cached_tokens):
                request.num_cached_tokens = admission.num_cached_tokens
            else:
                self._clear(slot)
            request.sampler = self._model.new_sampler(request.sampling, request.tokens)

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
        token = self._model.sample(request.sampler, row)
        if not request.first_token_ns:
            request.first_token_ns = self._clock_ns()
        request.tokens.append(token)
        request.num_unsent_tokens += 1
        if self._model.is_end(token):
            self._finish(slot, "stop")
            return
        self._emit_text(request, request.detokenizer.feed(self._model.piece(token)))
        if request.detokenizer.is_stopped:
            self._finish(slot, "stop")
        elif request.has_reached_length(self._model.num_ctx):
            self._finish(slot, "length")

    def _emit_text(self, request: Request, text: str) -> None:
        if text:
            self._events.append(OutputDelta(request.request_id, text, request.num_unsent_tokens))
            request.num_unsent_tokens = 0

    def _emit_progress(self, slot: Slot) -> None:
        request = slot.request
        assert request is not None, "only running slots are planned"
        self._events.append(
            PromptProgress(
                request_id=request.request_id,
                num_computed_tokens=slot.num_computed_tokens,
                num_prompt_tokens=request.num_prompt_tokens,
            )
        )

    def _emit_finished(self, request: Request, finish_reason: str) -> None:
        stats = request.stats(self._clock_ns())
        self._events.append(RequestFinished(request_id=request.request_id, finish_reason=finish_reason, stats=stats))

    def _finish(self, slot: Slot, finish_reason: str) -> None:
        request = self._release(slot)
        self._emit_text(request, request.detokenizer.flush())
        self._emit_finished(request, finish_reason)

    def _fail(self, slot: Slot, error: DecodeFailed) -> None:
        self._clear(slot)
        request = self._release(slot)
        message = f"The model could not compute this answer: {error}."
        self._events.append(RequestFailed(request_id=request.request_id, code="engine_error", message=message))

    def _release(self, slot: Slot) -> Request:
        request = slot.request
        assert request is not None, "a slot is released once"
        if request.sampler:
            request.sampler.close()
            request.sampler = None
        self.scheduler.release(slot)
        return request

    def _clear(self, slot: Slot) -> None:
        slot.forget()
        self._model.trim(slot.seq_id, 0)
