"""Carries what a runner says about one request to the request's stream."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any, cast

from inference.errors import InferenceError
from inference.metrics import ModelMetrics
from inference.runner.messages import (
    Embeddings,
    OutputDelta,
    PromptProgress,
    PromptRendered,
    RequestFinished,
    RequestStats,
    Submission,
    Tokens,
)
from inference.scheduler.loaded import LoadedModel, Runner, Ticket
from inference.scheduler.stream import Finished, Prefilling, Rendered, RequestStream

logger = logging.getLogger(__name__)


async def answer(model: LoadedModel, ticket: Ticket, runner: Runner, submit: Submission, metrics: ModelMetrics) -> None:
    """Ends the ticket's stream; raises nothing but a cancellation, after which the stream is settled by the runner."""
    put_output, aborted = partial(_put_output, ticket.stream), partial(_aborted, ticket.stream, metrics)
    ticket.is_with_runner = True
    try:
        submitted = runner.submit(submit, on_output=put_output, on_aborted=aborted)
        async with aclosing(cast(AsyncGenerator[Any, None], submitted)) as events:
            async for event in events:
                if isinstance(event, OutputDelta):
                    put_output(event)
                elif isinstance(event, PromptProgress):
                    ticket.stream.put_status(Prefilling(event.num_computed_tokens, event.num_prompt_tokens))
                elif isinstance(event, PromptRendered):
                    ticket.stream.put_rendered(_rendered(event))
                elif isinstance(event, RequestFinished | Embeddings):
                    _finish(model, ticket, event, metrics)
                elif isinstance(event, Tokens):
                    _finish_tokens(model, ticket, event)
    except asyncio.CancelledError:
        metrics.outcomes["abort"] += 1
        raise
    except InferenceError as error:
        metrics.outcomes[error.code] += 1
        ticket.stream.finish(error)
    except Exception:
        logger.exception("A request failed.")
        metrics.outcomes[InferenceError.code] += 1
        ticket.stream.finish(InferenceError("The request failed; the log says why."))


def _rendered(event: PromptRendered) -> Rendered:
    return Rendered(event.text, event.num_images, event.is_thinking, event.num_prompt_tokens, event.opening)


def _put_output(stream: RequestStream, delta: OutputDelta) -> None:
    stream.put_output(delta.text, delta.num_tokens, delta.logprobs)


def _aborted(stream: RequestStream, metrics: ModelMetrics, stats: RequestStats | None) -> None:
    if stats is not None:
        metrics.add_tokens(stats)
    stream.settle(stats)


def _finish(model: LoadedModel, ticket: Ticket, event: RequestFinished | Embeddings, metrics: ModelMetrics) -> None:
    finish_reason = event.finish_reason if isinstance(event, RequestFinished) else "stop"
    metrics.add_answer(finish_reason, event.stats, ticket.started_ns - ticket.arrived_ns)
    model.pace.add((time.monotonic_ns() - ticket.started_ns) / 1e9)
    load_ns = _load_ns(model, ticket)
    vectors = event.vectors if isinstance(event, Embeddings) else ()
    tokens = event.tokens if isinstance(event, RequestFinished) else ()
    asked, got = ticket.request.num_ctx_asked, model.num_ctx_got
    ticket.stream.finish(
        Finished(
            finish_reason,
            event.stats,
            load_ns,
            vectors,
            tokens,
            num_ctx=got,
            num_ctx_asked=asked if asked > got else 0,
            stop_text=event.stop_text if isinstance(event, RequestFinished) else "",
        )
    )


def _finish_tokens(model: LoadedModel, ticket: Ticket, event: Tokens) -> None:
    """Is counted nowhere: nothing was computed."""
    stats = RequestStats(num_prompt_tokens=event.size)
    ticket.stream.finish(Finished("stop", stats, _load_ns(model, ticket), tokens=event.tokens, pieces=event.pieces))


def _load_ns(model: LoadedModel, ticket: Ticket) -> int:
    return max(0, model.ready_ns - ticket.arrived_ns)
