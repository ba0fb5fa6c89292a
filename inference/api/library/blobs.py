"""`HEAD` and `POST /api/blobs/<digest>`: files that a model will be created from."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from inference.api.body import BODY_TIMEOUT_S
from inference.api.runtime import runtime_of
from inference.errors import InvalidRequest, RequestTimeout
from inference.library.blob_writer import BlobWriter, check_room
from inference.library.blobs import BlobStore
from inference.library.errors import DamagedModel

#: Written at once: a chunk as it comes from the network is some 64 KiB.
_WRITE_BYTES = 1024 * 1024


async def blob(request: Request) -> Response:
    blobs = runtime_of(request).library.blobs
    digest = request.path_params["digest"].replace("-", ":", 1)
    try:
        is_there = await asyncio.to_thread(blobs.path(digest).is_file)
    except DamagedModel:
        raise InvalidRequest("invalid digest format") from None
    if request.method == "HEAD":
        return Response(status_code=HTTPStatus.OK if is_there else HTTPStatus.NOT_FOUND)
    if is_there:
        # A client that is cut off while it sends would take that for a failure.
        async for _ in _chunks(request):
            pass
        return Response()
    await _receive(request, blobs, digest)
    return Response(status_code=HTTPStatus.CREATED)


async def _receive(request: Request, blobs: BlobStore, digest: str) -> None:
    """A client that goes away leaves nothing behind. Raises `InvalidRequest` when something else came than was named."""
    length = request.headers.get("content-length", "")
    await asyncio.to_thread(check_room, blobs.root, int(length) if length.isdecimal() else 0)
    with await asyncio.to_thread(BlobWriter, blobs.root) as writer:
        async for chunk in _chunks(request):
            await asyncio.to_thread(writer.write, chunk)
        if writer.digest != digest:
            raise InvalidRequest(f'digest mismatch, expected "{digest}", got "{writer.digest}"')
        await asyncio.to_thread(writer.commit, "")


async def _chunks(request: Request) -> AsyncIterator[bytearray]:
    """Of about `_WRITE_BYTES`. Raises `RequestTimeout` when nothing comes for long."""
    collected = bytearray()
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                collected += await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise RequestTimeout("the request body did not arrive in time") from None
        if len(collected) >= _WRITE_BYTES:
            yield collected
            collected = bytearray()
    if collected:
        yield collected
