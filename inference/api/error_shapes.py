"""How an error looks on the wire: as the protocol of the path has it."""

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from inference.errors import ContextLengthExceeded, InferenceError, InvalidRequest

ErrorShape = Callable[[InferenceError, HTTPStatus], dict[str, Any]]

_OPENAI_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
}
_ANTHROPIC_TYPES = {
    HTTPStatus.BAD_REQUEST: "invalid_request_error",
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "overloaded_error",
}


def shape_of_path(path: str) -> ErrorShape:
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return anthropic_error
    return openai_error if path.startswith("/v1/") else ollama_error


def encode_error(error: InferenceError, status: HTTPStatus, path: str) -> bytes:
    return msgspec.json.encode(shape_of_path(path)(error, status))


def ollama_error(error: InferenceError, status: HTTPStatus) -> dict[str, Any]:
    """The same before a stream and inside one."""
    return {"error": str(error), "code": error.code}


def openai_error(error: InferenceError, status: HTTPStatus) -> dict[str, Any]:
    kind = _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    param = error.param if isinstance(error, InvalidRequest) else None
    return {"error": {"message": str(error), "type": kind, "param": param, "code": error.code}}


def anthropic_error(error: InferenceError, status: HTTPStatus) -> dict[str, Any]:
    kind = _ANTHROPIC_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    # By this beginning, Claude Code knows that it has to shorten the conversation.
    message = f"prompt is too long: {error}" if isinstance(error, ContextLengthExceeded) else str(error)
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": new_request_id()}


def new_request_id() -> str:
    """As Anthropic's clients show it."""
    return f"req_{os.urandom(12).hex()}"
