"""Sends the progress of long work on the library: as NDJSON while it goes on, or what it came to at its end.

An error before the first line gets its own status; after it, it is one more line. A client that goes away leaves the work.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from http import HTTPStatus

import msgspec
from starlette.types import Receive, Scope, Send

from inference.api.errors import JSON_TYPE, error_body, error_of_library
from inference.api.ndjson import NDJSON_TYPE
from inference.errors import InferenceError
from inference.library.errors import LibraryError
from inference.library.progress import Progress

logger = logging.getLogger(__name__)


class ProgressAnswer:
    """An ASGI application for one request; an endpoint returns it in place of a response. It closes `steps`."""

    def __init__(self, steps: AsyncGenerator[Progress, None], *, is_streaming: bool) -> None:
        self._steps = steps
        self._is_streaming = is_streaming

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.wait({sending, leaving})
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        async with contextlib.aclosing(self._steps) as steps:
            if self._is_streaming:
                await self._send_lines(steps, send)
            else:
                await self._send_last(steps, send)

    async def _send_lines(self, steps: AsyncGenerator[Progress, None], send: Send) -> None:
        has_begun = False
        try:
            async for step in steps:
                if not has_begun:
                    await _start(send, NDJSON_TYPE)
                    has_begun = True
                await _body(send, msgspec.json.encode(step) + b"\n")
        except Exception as error:
            if not has_begun:
                raise
            await _body(send, _error_line(error))
        if has_begun:
            await _body(send, b"", is_last=True)

    async def _send_last(self, steps: AsyncGenerator[Progress, None], send: Send) -> None:
        last = None
        async for step in steps:
            last = step
        await _start(send, JSON_TYPE)
        await _body(send, msgspec.json.encode(last) if last is not None else b"{}", is_last=True)


def _error_line(error: Exception) -> bytes:
    if isinstance(error, LibraryError):
        error = error_of_library(error)
    elif not isinstance(error, InferenceError):
        logger.error("Work on the library failed.", exc_info=error)
        error = InferenceError("Something went wrong inside Hearth; its log says what.")
    return error_body(error) + b"\n"


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, media_type: str) -> None:
    headers = [(b"content-type", media_type.encode())]
    await send({"type": "http.response.start", "status": int(HTTPStatus.OK), "headers": headers})


async def _body(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
