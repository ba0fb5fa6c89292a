"""The ASGI application: who asks, whether they may, and then the runtime's own answer."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from webui.api.changing import pass_change
from webui.api.cors import is_preflight, preflight_headers
from webui.api.cut_answers import cut_answers, new_request_id
from webui.api.key_watch import key_watch
from webui.api.keys import check_scope, holder_of
from webui.api.listing import pass_list
from webui.api.model_rights import check_models, manages
from webui.api.named_models import named_in
from webui.api.passing import Passed, open_upstream, pass_on, send_refusal, send_whole
from webui.api.refusals import Refusal, key_ended, stopping, unexpected, unknown_path, wrong_method
from webui.api.request import ApiRequest, ClientGone, Receive, Send
from webui.api.routes import Door, Kind, Route, UnknownPath, WrongMethod, find_route
from webui.api.upstream import is_trusted_socket
from webui.api.usage import Usage
from webui.services.api_key_usage import record_usage
from webui.services.api_keys import KeyHolder

logger = logging.getLogger(__name__)


async def serve_api(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers every request to the API with exactly one answer; one that broke off in its middle is left unfinished."""
    has_begun = False

    async def sending(message: dict[str, Any]) -> None:
        nonlocal has_begun
        has_begun = True
        await send(message)

    request = ApiRequest(scope, receive, sending)
    try:
        await _answer(request)
    except Refusal as refusal:
        if not has_begun:
            await send_refusal(request, refusal)
    except ClientGone:
        return
    except asyncio.CancelledError:
        if not has_begun:
            await send_refusal(request, stopping())
        raise
    except Exception:
        logger.exception("%s %r failed", request.method, request.path)
        if not has_begun:
            await send_refusal(request, unexpected())


async def _answer(request: ApiRequest) -> None:
    if is_preflight(request.method, request.headers):
        await send_whole(request, HTTPStatus.NO_CONTENT, preflight_headers(request.headers), b"")
        return
    try:
        route, name = find_route(request.method, request.path)
    except (UnknownPath, WrongMethod) as error:
        # Strangers are asked for their key first: they do not learn what is served here.
        await holder_of(request)
        raise (wrong_method(error.allowed) if isinstance(error, WrongMethod) else unknown_path()) from None
    if route.door is Door.EVERYBODY:
        await _pass(request, body=None, caller="", passed=Passed())
        return
    holder = await holder_of(request)
    passed = Passed()
    try:
        check_scope(holder, route.door)
        await _pass_while_open(holder, request, route, name, passed)
    finally:
        _count(holder, passed)


def _count(holder: KeyHolder, passed: Passed) -> None:
    """The request at once, and its tokens as soon as they are known."""
    if passed.is_usage_missing:
        record_usage(holder.key_id)
        cut_answers.ask(holder.key_id, passed.request_id, told=passed.usage)
        return
    usage = passed.usage or Usage()
    record_usage(holder.key_id, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)


async def _pass_while_open(holder: KeyHolder, request: ApiRequest, route: Route, name: str, passed: Passed) -> None:
    """As long as the key opens it, however long the body takes to come and the answer to end."""
    task = asyncio.current_task()
    assert task is not None

    def end() -> None:
        passed.cut = key_ended()
        task.cancel()

    try:
        with key_watch.watching(holder, route.door, end):
            await _pass_for(holder, request, route, name, passed)
    except asyncio.CancelledError:
        if passed.cut is None or task.uncancel():
            raise
        raise passed.cut from None


async def _pass_for(holder: KeyHolder, request: ApiRequest, route: Route, name: str, passed: Passed) -> None:
    body: bytes | None = None
    if route.kind is Kind.NAMED and not manages(holder):
        await check_models(holder, [name], request.path)
    elif route.kind is Kind.USES:
        body = await request.whole_body()
        named = await named_in(request, body)
        if not (manages(holder) and route.door is Door.ANY_KEY):
            await check_models(holder, named.models, request.path)
    elif route.kind is Kind.LISTS:
        await pass_list(holder, request, passed)
        return
    elif route.kind is Kind.CHANGES:
        await pass_change(holder, request, passed)
        return
    if route.kind is Kind.USES and is_trusted_socket():
        passed.request_id = new_request_id()
    await _pass(request, body=body, caller=holder.caller, passed=passed)


async def _pass(request: ApiRequest, *, body: bytes | None, caller: str, passed: Passed) -> None:
    upstream = await open_upstream(request, body=body, caller=caller, request_id=passed.request_id)
    await pass_on(request, upstream, is_body_sent=body is not None, passed=passed)
