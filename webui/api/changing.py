"""Requests that make, copy or delete a model, and what follows from how they end."""

import asyncio

from webui.api.database import in_database
from webui.api.model_changes import Outcome, change_of, prepare, settle
from webui.api.named_models import named_in
from webui.api.passing import Passed, open_upstream, pass_on
from webui.api.request import ApiRequest
from webui.services.api_keys import KeyHolder


async def pass_change(holder: KeyHolder, request: ApiRequest, passed: Passed) -> None:
    """Raises Refusal, ClientGone."""
    body = await request.whole_body()
    change = change_of(request.path, await named_in(request, body))
    before = await in_database(prepare, change)
    try:
        upstream = await open_upstream(request, body=body, caller=holder.caller)
        await pass_on(request, upstream, is_body_sent=True, passed=passed)
    finally:
        # Also where this task is being ended: who may use the model must not stay undecided.
        await asyncio.shield(in_database(settle, change, before, _outcome(passed), by=holder))


def _outcome(passed: Passed) -> Outcome:
    if passed.is_whole and not passed.is_error:
        return Outcome.DONE
    return Outcome.FAILED if passed.is_error or not passed.is_sent else Outcome.UNKNOWN
