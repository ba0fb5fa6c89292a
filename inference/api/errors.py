"""The one place that gives errors their HTTP status."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from inference.api.error_shapes import ollama_error, shape_of_path
from inference.errors import (
    InferenceError,
    InvalidRequest,
    LibraryFailed,
    ModelNotFound,
    NoCloud,
    NotEnoughDisk,
    NotEnoughMemory,
    NotSignedIn,
    PayloadTooLarge,
    QueueFull,
    ReaderTooSlow,
    RequestRejected,
    RequestTimeout,
    RuntimeShuttingDown,
    UnsupportedEncoding,
)
from inference.jobs import ActionNotPossible, JobNotFound
from inference.library.errors import LibraryError
from inference.library.uploads import OffsetMismatch, UploadBusy, UploadIncomplete, UploadNotFound

JSON_TYPE = "application/json; charset=utf-8"
#: Seconds after which a client that was turned away may try again.
RETRY_AFTER_S = 5
#: What nginx and Ollama log for a client that went away; it is never received by anyone.
CLIENT_CLOSED_REQUEST = 499

_STATUSES: dict[type[InferenceError], HTTPStatus] = {
    ModelNotFound: HTTPStatus.NOT_FOUND,
    JobNotFound: HTTPStatus.NOT_FOUND,
    ActionNotPossible: HTTPStatus.CONFLICT,
    UploadNotFound: HTTPStatus.NOT_FOUND,
    UploadIncomplete: HTTPStatus.CONFLICT,
    UploadBusy: HTTPStatus.CONFLICT,
    OffsetMismatch: HTTPStatus.CONFLICT,
    NoCloud: HTTPStatus.NOT_FOUND,
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    QueueFull: HTTPStatus.SERVICE_UNAVAILABLE,
    PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedEncoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    ReaderTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    NotEnoughDisk: HTTPStatus.INSUFFICIENT_STORAGE,
    NotEnoughMemory: HTTPStatus.SERVICE_UNAVAILABLE,
    RuntimeShuttingDown: HTTPStatus.SERVICE_UNAVAILABLE,
    RequestRejected: HTTPStatus.BAD_REQUEST,
    InferenceError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

logger = logging.getLogger(__name__)


def status_of(error: InferenceError) -> HTTPStatus:
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


def error_body(error: InferenceError) -> bytes:
    """In Ollama's shape."""
    return msgspec.json.encode(ollama_error(error, status_of(error)))


async def inference_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, InferenceError)
    status = status_of(error)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return _error_response(request, error, status, headers)


def _error_response(request: Request, error: InferenceError, status: HTTPStatus, headers: Mapping[str, str]) -> Response:
    """Anthropic's have an id, which also stands in a header."""
    shape = shape_of_path(request.url.path)(error, status)
    named = {"request-id": shape["request_id"]} if "request_id" in shape else {}
    return Response(msgspec.json.encode(shape), status, {**headers, **named}, JSON_TYPE)


async def library_error(request: Request, error: Exception) -> Response:
    """What is wrong with the models folder is for whoever runs Hearth to mend, so they are told."""
    assert isinstance(error, LibraryError)
    return await inference_error(request, error_of_library(error))


def error_of_library(error: LibraryError) -> LibraryFailed:
    """As a sentence."""
    text = str(error)
    return LibraryFailed(text[:1].upper() + text[1:] + "." if text else "The models folder cannot be used.")


async def http_error(request: Request, error: Exception) -> Response:
    """Unknown paths and methods: in the words of Ollama's router, below `/v1/` in the protocol's shape."""
    assert isinstance(error, HTTPException)
    phrases = {404: "404 page not found", 405: "405 method not allowed"}
    if request.url.path.startswith("/v1/"):
        text = phrases.get(error.status_code, error.detail)
        return _error_response(request, InvalidRequest(text), HTTPStatus(error.status_code), error.headers or {})
    return Response(phrases.get(error.status_code, error.detail), error.status_code, error.headers, "text/plain")


async def client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def unexpected_error(request: Request, error: Exception) -> Response:
    """A fault of ours: the log has the traceback, the client learns nothing of our insides."""
    logger.error("%s %s failed.", request.method, request.url.path, exc_info=error)
    return await inference_error(request, InferenceError("Something went wrong inside Hearth; its log says what."))
