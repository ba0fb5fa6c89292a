import json
from http import HTTPStatus
from typing import Any

import pytest

from inference.api.error_shapes import encode_error
from inference.errors import InvalidRequest, ModelNotFound, QueueFull


def shown(error: Any, status: HTTPStatus, path: str) -> Any:
    return json.loads(encode_error(error, status, path))


def test_ollamas_paths_have_a_sentence_and_a_code() -> None:
    assert shown(ModelNotFound("model 'x' not found"), HTTPStatus.NOT_FOUND, "/api/chat") == {
        "error": "model 'x' not found",
        "code": "model_not_found",
    }


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/messagesque"])
def test_openais_paths_have_an_object(path: str) -> None:
    assert shown(InvalidRequest("no"), HTTPStatus.BAD_REQUEST, path) == {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "invalid_request"}
    }
    assert shown(QueueFull("full"), HTTPStatus.SERVICE_UNAVAILABLE, path)["error"]["type"] == "api_error"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_anthropics_paths_have_a_typed_object(path: str) -> None:
    body = shown(QueueFull("full"), HTTPStatus.SERVICE_UNAVAILABLE, path)
    assert body["request_id"].startswith("req_")
    assert body["type"] == "error"
    assert body["error"] == {"type": "overloaded_error", "message": "full"}
    assert shown(InvalidRequest("no"), HTTPStatus.CONFLICT, path)["error"]["type"] == "invalid_request_error"
