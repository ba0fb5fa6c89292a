import json

import pytest
from starlette.requests import Request

from inference import errors
from inference.api.errors import error_body, inference_error, status_of
from inference.errors import InferenceError, error_from_code

#: Those apart that are, to everybody outside, what they are a kind of.
KINDS = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, InferenceError) and "code" in vars(kind)
    ),
    key=lambda kind: kind.code,
)
STATUSES = {
    "context_length_exceeded": 400,
    "engine_error": 500,
    "internal": 500,
    "invalid_request": 400,
    "login_refused": 400,
    "model_load_failed": 500,
    "model_not_found": 404,
    "model_damaged": 404,
    "model_too_large": 400,
    "not_enough_memory": 503,
    "payload_too_large": 413,
    "unsupported_encoding": 415,
    "queue_full": 503,
    "reader_too_slow": 408,
    "no_cloud": 404,
    "not_signed_in": 401,
    "rejected": 400,
    "request_timeout": 408,
    "runner_crashed": 500,
    "library_failed": 500,
    "not_enough_disk": 507,
    "registry_error": 500,
    "not_in_registry": 500,
    "registry_refused": 500,
    "digest_mismatch": 500,
    "shutting_down": 503,
}


def test_every_error_has_a_code_of_its_own_and_a_status() -> None:
    assert {kind.code: int(status_of(kind("x"))) for kind in KINDS} == STATUSES
    assert len(KINDS) == len(STATUSES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_error_is_the_same_on_the_other_side_of_the_wire(kind: type[InferenceError]) -> None:
    body = json.loads(error_body(kind("What happened.")))
    error = error_from_code(body["code"], body["error"])

    assert (type(error), str(error)) == (kind, "What happened.")


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_turned_away_for_a_while_is_told_when_to_come_back(kind: type[InferenceError], path: str) -> None:
    request = Request({"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""})

    response = await inference_error(request, kind("x"))

    assert response.headers.get("retry-after") == ("5" if response.status_code == 503 else None)
