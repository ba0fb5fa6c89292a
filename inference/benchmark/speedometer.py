"""Measures how fast a model is, by requests like anybody's: in the queue behind all others, answered by a runner."""

import logging
import os
import random
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from inference.errors import EngineError
from inference.kv.housekeeping import forget_files
from inference.library.gguf import GGUFMetadata
from inference.library.models import InstalledModel
from inference.library.progress import Progress
from inference.library.shape import read_shape
from inference.runner.messages import Embed, RequestStats, SamplingParams, Submission, Submit, TokenPrompt
from inference.scheduler import Finished, ModelRequest, Scheduler
from inference.settings import Settings

PROMPT_TOKENS, GENERATED_TOKENS = 512, 128
_REPEATS = 3
#: No further repeat is begun after so many seconds: a large model on a small machine takes minutes for one.
_ENOUGH_SECONDS = 90.0
_WARM_UP = (16, 4)
_NS = 1e9

logger = logging.getLogger(__name__)


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens a second, medians over `repeats`; `decode` is None of a model that writes no text."""

    prefill: float
    decode: float | None = None
    prompt_tokens: int
    generated_tokens: int = 0
    repeats: int
    memory_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A model to be measured; `model.model_path` need not belong to the library."""

    model: InstalledModel
    metadata: GGUFMetadata
    #: As its users see it.
    name: str


class Speedometer:
    """Of models on this machine."""

    def __init__(self, settings: Settings, scheduler: Scheduler) -> None:
        self._settings = settings
        self._scheduler = scheduler

    async def measure(self, subject: Measured, *, keep_alive: float | None = None) -> AsyncGenerator[Progress | Speed]:
        """Says what is being done, and at last the `Speed`. Raises `InferenceError`, among others when the model does not
        fit. While other people's answers are written, figures are lower: medians leave out what is seldom."""
        async with self._private_scope() as scope:
            yield Progress(status=f"loading {subject.name}")
            await self._ask(subject, scope, *_WARM_UP, keep_alive)
            started = time.monotonic()
            taken: list[RequestStats] = []
            while len(taken) < _REPEATS and (not taken or time.monotonic() - started < _ENOUGH_SECONDS):
                yield Progress(status=f"measuring {subject.name} ({len(taken) + 1} of {_REPEATS})")
                taken.append(await self._ask(subject, scope, PROMPT_TOKENS, GENERATED_TOKENS, keep_alive))
            memory = [model for model in self._scheduler.loaded() if model.key == subject.model.runtime_key]
            yield _speed(taken, self._scheduler.memory_of(memory[0]) if memory else 0)

    async def _ask(
        self, subject: Measured, scope: str, num_prompt: int, num_generated: int, keep_alive: float | None
    ) -> RequestStats:
        stream = self._scheduler.submit(self._request(subject, scope, num_prompt, num_generated, keep_alive))
        try:
            async for event in stream:
                if isinstance(event, Finished):
                    return event.stats
        finally:
            stream.cancel()
        raise EngineError("The measurement ended without a result.")

    def _request(
        self, subject: Measured, scope: str, num_prompt: int, num_generated: int, keep_alive: float | None
    ) -> ModelRequest:
        shape = read_shape(subject.metadata)
        longest = subject.metadata.context_length or PROMPT_TOKENS + GENERATED_TOKENS
        # The context that chats use, so that nothing is loaded anew for either.
        num_ctx = min(max(self._settings.context_length, PROMPT_TOKENS + GENERATED_TOKENS), longest)
        num_generated = min(num_generated, num_ctx // 4)
        num_prompt = max(1, min(num_prompt, num_ctx - num_generated - 4))
        # Other numbers each time: nothing of it was computed before.
        tokens = [random.randrange(max(shape.num_vocab, 1)) for _ in range(num_prompt)]  # noqa: S311
        submit: Submission = _generation(tokens, num_generated, scope)
        if subject.metadata.is_embedding:
            submit = Embed(request_id=os.urandom(8).hex(), inputs=[TokenPrompt(tokens)])
        return ModelRequest(
            model=subject.model,
            num_ctx=num_ctx,
            submit=submit,
            keep_alive=keep_alive,
            client="hearth bench",
            is_background=True,
            shape=shape,
        )

    @asynccontextmanager
    async def _private_scope(self) -> AsyncIterator[str]:
        """Nothing that is computed within is used for anybody or kept."""
        scope = f"hearth-bench:{os.urandom(8).hex()}"
        try:
            yield scope
        finally:
            await self._scheduler.forget(scope)
            forget_files(self._settings.kv_dir, scope)


def _generation(tokens: list[int], num_generated: int, scope: str) -> Submit:
    return Submit(
        request_id=os.urandom(8).hex(),
        prompt=TokenPrompt(tokens),
        sampling=SamplingParams(temperature=0.0, ignore_eos=True),
        max_tokens=num_generated,
        scope=scope,
        loop_guard=False,
    )


def _speed(taken: list[RequestStats], memory_bytes: int) -> Speed:
    prefill = [
        (stats.num_prompt_tokens - stats.num_cached_tokens) * _NS / max(stats.prompt_eval_duration_ns, 1) for stats in taken
    ]
    # The first token is drawn at the end of the prompt.
    decode = [
        (stats.num_completion_tokens - 1) * _NS / stats.eval_duration_ns
        for stats in taken
        if stats.num_completion_tokens > 1 and stats.eval_duration_ns
    ]
    return Speed(
        prefill=round(statistics.median(prefill), 1),
        decode=round(statistics.median(decode), 1) if decode else None,
        prompt_tokens=taken[-1].num_prompt_tokens,
        generated_tokens=taken[-1].num_completion_tokens,
        repeats=len(taken),
        memory_bytes=memory_bytes,
    )
