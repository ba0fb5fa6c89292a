"""`/api/hearth/uploads`: model files from a browser, piece by piece, so that an interruption costs no more than a piece."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from inference.api.body import BODY_TIMEOUT_S, read_body
from inference.api.errors import JSON_TYPE
from inference.api.jobs import job_response
from inference.api.models import json_response
from inference.api.runtime import runtime_of
from inference.errors import InvalidRequest, PayloadTooLarge, RequestTimeout
from inference.jobs.job import now
from inference.jobs.works.import_ import ImportRequest
from inference.library.uploads import OffsetMismatch, Upload, Uploads

MAX_PIECE_BYTES = 16 * 1024 * 1024
#: Written at once.
_WRITE_BYTES = 1024 * 1024
_LONGEST_NUMBER = 20


class UploadBody(msgspec.Struct, frozen=True):
    name: str = ""
    size: int = 0
    digest: str = ""


class FinishBody(msgspec.Struct, frozen=True):
    model: str = ""


async def list_uploads(request: Request) -> Response:
    uploads = runtime_of(request).uploads

    def read() -> list[dict[str, Any]]:
        return [_shown(uploads, upload) for upload in uploads.list_uploads()]

    return json_response({"uploads": await asyncio.to_thread(read)})


async def create_upload(request: Request) -> Response:
    """201, also for the unfinished upload of the same file: its `offset` says where to go on."""
    body = await read_body(request, UploadBody)
    if not body.name:
        raise InvalidRequest("name is required")
    uploads = runtime_of(request).uploads
    upload = await asyncio.to_thread(uploads.begin, body.name, body.size, body.digest, created_at=now())
    return _answer(uploads, upload, HTTPStatus.CREATED)


async def show_upload(request: Request) -> Response:
    uploads = runtime_of(request).uploads
    return _answer(uploads, await asyncio.to_thread(uploads.find, request.path_params["id"]))


async def append_to_upload(request: Request) -> Response:
    """The bytes that follow; 409 with the offset where they do not. What has come when a client goes away is kept."""
    runtime = runtime_of(request)
    upload = await asyncio.to_thread(runtime.uploads.find, request.path_params["id"])
    offset = _number(request, "upload-offset")
    if offset is None:
        raise InvalidRequest("the header Upload-Offset is required: the number of bytes that are there already")
    if (_number(request, "content-length") or 0) > MAX_PIECE_BYTES:
        raise PayloadTooLarge(f"a piece has at most {MAX_PIECE_BYTES // 1024**2} MiB")
    try:
        async with runtime.upload_turns.take(upload.id):
            await _receive(request, runtime.uploads, upload, offset)
    except OffsetMismatch as error:
        return _mismatch(error)
    except TimeoutError:
        return _mismatch(OffsetMismatch(runtime.uploads.offset(upload.id)))
    return _answer(runtime.uploads, upload)


async def finish_upload(request: Request) -> Response:
    model = (await read_body(request, FinishBody)).model
    runtime = runtime_of(request)
    upload = await asyncio.to_thread(runtime.uploads.find, request.path_params["id"])
    if (offset := runtime.uploads.offset(upload.id)) != upload.size:
        return _mismatch(OffsetMismatch(offset))
    job, is_new = await runtime.jobs.submit("import", ImportRequest(model=model, upload=upload.id))
    return job_response(job, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


async def remove_upload(request: Request) -> Response:
    runtime = runtime_of(request)
    upload = await asyncio.to_thread(runtime.uploads.find, request.path_params["id"])
    runtime.uploads.check_free(upload.id)
    async with runtime.upload_turns.take(upload.id):
        await asyncio.to_thread(runtime.uploads.remove, upload.id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _receive(request: Request, uploads: Uploads, upload: Upload, offset: int) -> None:
    if (present := uploads.offset(upload.id)) != offset:
        raise OffsetMismatch(present)
    num_bytes = 0
    try:
        async for chunk in _chunks(request):
            num_bytes += len(chunk)
            if num_bytes > MAX_PIECE_BYTES:
                raise PayloadTooLarge(f"a piece has at most {MAX_PIECE_BYTES // 1024**2} MiB")
            # Not to be torn from its lock: the next writer asks the file for its size.
            offset = await _to_the_end(asyncio.to_thread(uploads.append, upload, offset, chunk))
    finally:
        await _to_the_end(asyncio.to_thread(uploads.sync, upload.id))


async def _to_the_end(work: Any) -> Any:
    """Waits for what a thread does even when cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _chunks(request: Request) -> AsyncIterator[bytearray]:
    """What came before a client went away or another one took its turn, too. Raises `RequestTimeout`, `ClientDisconnect` or
    `CancelledError` at the end."""
    collected = bytearray()
    stream = request.stream()
    end: BaseException | None = None
    while end is None:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                collected += await anext(stream)
        except StopAsyncIteration:
            break
        except TimeoutError:
            end = RequestTimeout("the piece did not arrive in time")
        except (ClientDisconnect, asyncio.CancelledError) as error:
            end = error
        if len(collected) >= _WRITE_BYTES:
            yield collected
            collected = bytearray()
    if collected:
        yield collected
    if end is not None:
        raise end


def _shown(uploads: Uploads, upload: Upload) -> dict[str, Any]:
    shown = {"id": upload.id, "name": upload.name, "size": upload.size, "offset": uploads.offset(upload.id)}
    return {**shown, "digest": upload.digest, "created_at": upload.created_at}


def _answer(uploads: Uploads, upload: Upload, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(_shown(uploads, upload)), status, media_type=JSON_TYPE)


def _mismatch(error: OffsetMismatch) -> Response:
    body = {"error": str(error), "code": error.code, "offset": error.offset}
    return Response(msgspec.json.encode(body), HTTPStatus.CONFLICT, media_type=JSON_TYPE)


def _number(request: Request, header: str) -> int | None:
    """None when it is not there. Raises `InvalidRequest` for what is no number."""
    text = request.headers.get(header)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < _LONGEST_NUMBER):
        raise InvalidRequest(f"the header {header.title()} must be a number of bytes")
    return int(text)
