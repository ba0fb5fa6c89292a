"""`POST /api/copy`: a model gets a second name."""

import asyncio
from contextlib import aclosing

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import read_body
from inference.api.library.names import quoted, require_name
from inference.api.runtime import runtime_of
from inference.creation.create import create_model
from inference.creation.request import CreateRequest
from inference.errors import ModelNotFound
from inference.library.models import Library
from inference.library.names import ModelName


class CopyBody(msgspec.Struct, frozen=True):
    source: str = ""
    destination: str = ""


async def copy(request: Request) -> Response:
    body = await read_body(request, CopyBody)
    source = require_name(body.source, refusal=f"source {quoted(body.source)} is invalid")
    destination = require_name(body.destination, refusal=f"destination {quoted(body.destination)} is invalid")
    library = runtime_of(request).library
    try:
        await asyncio.to_thread(library.copy, source, destination, asked=body.source)
    except ModelNotFound:
        if not await asyncio.to_thread(_is_linked, library, source):
            raise
        # It has no manifest to be copied: the second name is a model of the library's own.
        async with aclosing(create_model(library, CreateRequest(model=body.destination, base=body.source))) as steps:
            async for _ in steps:
                pass
    return Response()


def _is_linked(library: Library, name: ModelName) -> bool:
    try:
        return library.find(name, asked=name.shortest).is_linked
    except ModelNotFound:
        return False
