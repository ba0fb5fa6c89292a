"""Computes vectors for a list of texts, whatever its length, in requests that a runner answers in a moment."""

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from inference.api.opening import OpenModel, options_for, submit
from inference.api.prompt_usage import note_prompt
from inference.api.runtime import Runtime
from inference.api.schemas import RequestBody
from inference.errors import InferenceError, InvalidRequest
from inference.runner.messages import Submission
from inference.scheduler import Finished, RequestStream

#: Texts of one HTTP request: their vectors are kept until the last is there.
MAX_TEXTS = 8192
_PART_TEXTS = 64
_PART_CHARS = 256 * 1024

T = TypeVar("T")
#: A text, or token ids.
Input = TypeVar("Input", bound=Sized)


@dataclass(frozen=True)
class Computed:
    """Durations in nanoseconds."""

    vectors: list[bytes]
    num_prompt_tokens: int
    load_duration_ns: int


async def compute(
    request: Request,
    runtime: Runtime,
    opened: OpenModel,
    body: RequestBody,
    texts: Sequence[Input],
    *,
    keep_alive: float | None,
    build: Callable[[str, list[Input]], Submission],
) -> Computed:
    """`build` makes the runner's request from an id and some of the texts. Without texts the model is loaded.
    Raises an `InferenceError`, or `ClientDisconnect` when nobody waits any more."""
    options = options_for(runtime, opened, body)
    numbers = itertools.count()

    def start(part: list[Input]) -> RequestStream:
        work = build(os.urandom(8).hex(), part) if part else None
        return submit(request, runtime, opened, body, options=options, keep_alive=keep_alive, work=work, prompt=next(numbers))

    parts = list(split(texts)) or [[]]
    # Of a model that also writes answers, only one place is taken.
    num_at_once = 2 if opened.metadata.is_embedding else 1
    finished = await unless_gone(request, _run_all(parts, start, num_at_once))
    num_prompt_tokens = sum(part.stats.num_prompt_tokens for part in finished)
    note_prompt(request, num_prompt_tokens)
    return Computed(
        vectors=list(itertools.chain.from_iterable(part.vectors for part in finished)),
        num_prompt_tokens=num_prompt_tokens,
        load_duration_ns=finished[0].load_duration_ns,
    )


def check_count(name: str, texts: Sequence[Sized]) -> None:
    if len(texts) > MAX_TEXTS:
        raise InvalidRequest(f"{name} has {len(texts)} texts; at most {MAX_TEXTS} are possible in one request", name)


def split(texts: Iterable[Input]) -> Iterator[list[Input]]:
    """In order, parts of bounded size; a text that is larger than that makes a part of its own."""
    part: list[Input] = []
    size = 0
    for text in texts:
        if part and (len(part) == _PART_TEXTS or size + len(text) > _PART_CHARS):
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part


async def _run_all(parts: list[list[Input]], start: Callable[[list[Input]], RequestStream], num_at_once: int) -> list[Finished]:
    """A part is begun when one of those before it has ended, so that other requests get their turn in between."""
    finished: dict[int, Finished] = {}
    waiting = iter(enumerate(parts))

    async def work() -> None:
        for index, part in waiting:
            finished[index] = await end_of(start(part))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(num_at_once):
                group.create_task(work())
    except BaseExceptionGroup as failures:
        error = next((failure for failure in failures.exceptions if isinstance(failure, InferenceError)), None)
        raise error or failures from None
    return [finished[index] for index in range(len(parts))]


async def end_of(stream: RequestStream) -> Finished:
    """Reads to the end, for requests whose end is all there is. Raises an `InferenceError`."""
    try:
        async for event in stream:
            if isinstance(event, Finished):
                return event
    finally:
        stream.cancel()
    raise InferenceError("The request ended without a result.")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Raises `ClientDisconnect` and cancels the work as soon as the client goes away."""
    task = asyncio.create_task(work)
    watcher = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        watcher.cancel()
        if task.cancel():
            await asyncio.wait({task})


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
