"""Making every loaded model forget a scope."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from inference.errors import InvalidRequest, RunnerCrashed
from inference.runner.messages import Submit
from inference.scheduler.loaded import LoadedModel, ModelState, Runner, Ticket
from inference.scopes import is_within

#: A runner that is being closed may still be writing what is to be forgotten, and one that computes hears of it between steps.
_LONGEST_S = 12.0


async def forget_scope(models: Iterable[LoadedModel], scope: str) -> None:
    """Waiting requests of the scope are ended. When this returns, runners that take requests have forgotten, and those that
    were being closed have ended: files of the scope that are then deleted do not come back. A runner that does neither within
    `_LONGEST_S` is left to do it later."""
    models = list(models)
    for model in models:
        for ticket in [ticket for ticket in model.queue if _is_within(ticket, scope)]:
            model.queue.remove(ticket)
            ticket.stream.finish(InvalidRequest("What this request belongs to was deleted."))
    running = [(model.state, model.runner) for model in models if model.runner is not None]
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_S):
            await asyncio.gather(*(_end_or_forget(state, runner, scope) for state, runner in running))


async def _end_or_forget(state: ModelState, runner: Runner, scope: str) -> None:
    if state is ModelState.CLOSING:
        await runner.exited.wait()
        return
    with suppress(OSError, RunnerCrashed):
        await runner.forget(scope)
        # Is answered after what was said before.
        await runner.ping(_LONGEST_S)


def _is_within(ticket: Ticket, scope: str) -> bool:
    return isinstance(ticket.request.submit, Submit) and is_within(ticket.request.submit.scope, scope)
