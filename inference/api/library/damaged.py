"""`GET /api/hearth/damaged`: models whose files are damaged, which lists leave out."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from inference.api.models import json_response
from inference.api.runtime import runtime_of


async def damaged(request: Request) -> Response:
    found = await asyncio.to_thread(runtime_of(request).library.damaged_models)
    models = [{"name": name.shortest, "reason": reason} for name, reason in found.items()]
    return json_response({"models": sorted(models, key=lambda model: model["name"])})
