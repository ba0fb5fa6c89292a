"""Turns inputs into vectors beside the generating engine: one `step` computes one batch of whole inputs."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inference.runner.engine.batch import DecodeFailed
from inference.runner.engine.prefill import PrefillBudget
from inference.runner.messages import Embeddings, RequestFailed, RequestFinished, RequestStats

Event = Embeddings | RequestFailed | RequestFinished


class PoolingModel(Protocol):
    """Used by one thread only."""

    #: Tokens worth putting into one batch; a longer input makes a batch of its own.
    num_batch: int
    #: Inputs one batch takes.
    num_sequences: int

    def embed(self, inputs: Sequence[list[int]], /) -> list[bytes]:
        """A vector for each input. Raises `DecodeFailed`; nothing is left of the inputs in either case."""


@dataclass(slots=True, eq=False)
class EmbeddingJob:
    """Inputs as tokens, and their vectors as far as they are computed. Times in nanoseconds."""

    request_id: str
    inputs: list[list[int]]
    arrived_ns: int
    started_ns: int = 0
    vectors: list[bytes] = field(default_factory=list)

    def stats(self, now_ns: int) -> RequestStats:
        started_ns = self.started_ns or now_ns
        return RequestStats(
            num_prompt_tokens=sum(map(len, self.inputs[: len(self.vectors)])),
            queue_duration_ns=started_ns - self.arrived_ns,
            prompt_eval_duration_ns=now_ns - started_ns,
        )


Planned = list[tuple[EmbeddingJob, list[int]]]


class Embedder:
    """Jobs take turns, an input each, so that one with many inputs does not hold up one with few. Every job that is added
    ends with exactly one `Embeddings`, `RequestFailed` or `RequestFinished` (aborted)."""

    def __init__(self, model: PoolingModel, *, max_gap_ms: int = 150, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._model = model
        self._clock_ns = clock_ns
        self._budget = PrefillBudget(max_gap_ms=max_gap_ms, num_batch=model.num_batch)
        self._aborted: set[str] = set()
        self.jobs: deque[EmbeddingJob] = deque()

    @property
    def has_work(self) -> bool:
        return bool(self.jobs)

    def add(self, job: EmbeddingJob) -> None:
        self.jobs.append(job)

    def abort(self, request_id: str) -> None:
        """Honoured at the next step; an unknown or ended request is no error."""
        if any(job.request_id == request_id for job in self.jobs):
            self._aborted.add(request_id)

    def abort_all(self) -> None:
        self._aborted.update(job.request_id for job in self.jobs)

    def step(self, *, num_generating: int = 0, stalled_ns: int = 0) -> list[Event]:
        """Returns what happened. Where `num_generating` streams wait for the step to end, and have waited for `stalled_ns`,
        the batch is kept small enough for the gap; but an input cannot be split, so it has at least one."""
        events = self._end_aborted()
        planned = self._plan(self._budget.tokens(num_generating))
        if planned:
            started_ns = self._clock_ns()
            for job, _tokens in planned:
                job.started_ns = job.started_ns or started_ns
            events += self._compute(planned)
            events += self._end_complete()
            duration_ns = self._clock_ns() - started_ns + stalled_ns
            num_tokens = sum(len(tokens) for _job, tokens in planned)
            self._budget.observe(num_generating=num_generating, num_prefill=num_tokens, duration_ns=duration_ns)
        return events

    def _end_aborted(self) -> list[Event]:
        if not self._aborted:
            return []
        ended = [job for job in self.jobs if job.request_id in self._aborted]
        self._aborted.clear()
        self.jobs = deque(job for job in self.jobs if job not in ended)
        now_ns = self._clock_ns()
        return [RequestFinished(request_id=job.request_id, finish_reason="abort", stats=job.stats(now_ns)) for job in ended]

    def _plan(self, budget: int) -> Planned:
        """Inputs of the next batch, in turns; at least one, and no more than fit."""
        planned: Planned = []
        num_tokens, taken = 0, dict.fromkeys(self.jobs, 0)
        is_full = False
        while taken and not is_full:
            for job in list(taken):
                place = len(job.vectors) + taken[job]
                if place == len(job.inputs):
                    del taken[job]
                    continue
                tokens = job.inputs[place]
                is_full = bool(planned) and (num_tokens + len(tokens) > budget or len(planned) == self._model.num_sequences)
                if is_full:
                    break
                planned.append((job, tokens))
                num_tokens += len(tokens)
                taken[job] += 1
        if self.jobs:
            self.jobs.rotate(-1)
        return planned

    def _compute(self, planned: Planned) -> list[Event]:
        """A batch says nothing about which input is at fault: after a failure each is tried alone."""
        try:
            vectors = self._model.embed([tokens for _job, tokens in planned])
        except DecodeFailed as error:
            if len(planned) == 1:
                return [self._fail(planned[0][0], error)]
            return [event for item in planned if item[0] in self.jobs for event in self._compute([item])]
        for (job, _tokens), vector in zip(planned, vectors, strict=True):
            job.vectors.append(vector)
        return []

    def _fail(self, job: EmbeddingJob, error: DecodeFailed) -> Event:
        self.jobs.remove(job)
        message = f"The model could not compute this embedding: {error}."
        return RequestFailed(request_id=job.request_id, code="engine_error", message=message)

    def _end_complete(self) -> list[Event]:
        complete = [job for job in self.jobs if len(job.vectors) == len(job.inputs)]
        now_ns = self._clock_ns()
        for job in complete:
            self.jobs.remove(job)
        return [Embeddings(request_id=job.request_id, vectors=job.vectors, stats=job.stats(now_ns)) for job in complete]
