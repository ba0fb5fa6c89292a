"""`POST /api/hearth/forget`: what was computed for a scope is to be gone. For the web process alone: Unix socket only."""

import asyncio

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.caller import is_forwarded
from inference.api.hosts import is_unix
from inference.api.models import json_response
from inference.api.runtime import runtime_of
from inference.errors import InvalidRequest
from inference.kv.housekeeping import forget_files
from inference.scopes import LONGEST_SCOPE


class ForgetBody(msgspec.Struct, frozen=True):
    scope: str = ""


async def forget(request: Request) -> Response:
    """Answers when nothing of it is left on the disk; a request that is being answered is forgotten at its end."""
    if not is_unix(request.scope) or is_forwarded(request.scope):
        raise HTTPException(404)
    scope = (await read_body(request, ForgetBody)).scope
    if not scope or len(scope) > LONGEST_SCOPE:
        raise InvalidRequest(f"scope is required, with at most {LONGEST_SCOPE} characters")
    runtime = runtime_of(request)
    await runtime.scheduler.forget(scope)
    num_deleted = await asyncio.to_thread(forget_files, runtime.settings.kv_dir, scope)
    return json_response({"status": "success", "deleted": num_deleted})
