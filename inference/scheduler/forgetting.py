"""Making every loaded model forget a scope."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from inference.errors import InvalidRequest
from inference.runner.messages import Submit
from inference.scheduler.loaded import LoadedModel, ModelState, Ticket
from inference.scopes import is_within

#: A runner that is being closed may still be writing what is to be forgotten.
_LONGEST_CLOSE_S = 12.0


async def forget_scope(models: Iterable[LoadedModel], scope: str) -> None:
    """Waiting requests of the scope are ended. When this returns, runners that take requests have been told, and those that
    were being closed have ended: files of the scope that are then deleted do not come back."""
    models = list(models)
    for model in models:
        for ticket in [ticket for ticket in model.queue if _is_within(ticket, scope)]:
            model.queue.remove(ticket)
            ticket.stream.finish(InvalidRequest("What this request belongs to was deleted."))
    running = [(model.state, model.runner) for model in models if model.runner is not None]
    closing = [runner.exited.wait() for state, runner in running if state is ModelState.CLOSING]
    for state, runner in running:
        if state is not ModelState.CLOSING:
            with suppress(OSError):
                await runner.forget(scope)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_CLOSE_S):
            await asyncio.gather(*closing)


def _is_within(ticket: Ticket, scope: str) -> bool:
    return isinstance(ticket.request.submit, Submit) and is_within(ticket.request.submit.scope, scope)
