"""`POST /api/copy`: a model gets a second name."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.library.names import quoted, require_name
from inference.api.runtime import runtime_of


class CopyBody(msgspec.Struct, frozen=True):
    source: str = ""
    destination: str = ""


async def copy(request: Request) -> Response:
    body = await read_body(request, CopyBody)
    source = require_name(body.source, refusal=f"source {quoted(body.source)} is invalid")
    destination = require_name(body.destination, refusal=f"destination {quoted(body.destination)} is invalid")
    await asyncio.to_thread(runtime_of(request).library.copy, source, destination, asked=body.source)
    return Response()
