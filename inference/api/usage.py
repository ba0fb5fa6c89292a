"""`GET /api/hearth/usage/{id}`: what a request that was cut off took. For the web process alone: Unix socket only."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from inference.api.caller import is_forwarded
from inference.api.hosts import is_unix
from inference.api.models import json_response
from inference.api.runtime import runtime_of


async def usage(request: Request) -> Response:
    """Answers when nothing is computed for the request any more; once."""
    if not is_unix(request.scope) or is_forwarded(request.scope):
        raise HTTPException(404)
    counts = await runtime_of(request).usages.counts_of(request.path_params["id"])
    if counts is None:
        raise HTTPException(404)
    return json_response(counts)
