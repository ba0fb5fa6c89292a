"""Whatever a decoder could take for the name of a model is found, and what is no JSON is refused in the runtime's words."""

import gzip
import json
from typing import Any

import pytest

from webui.api.named_models import named_in
from webui.api.refusals import Refusal
from webui.api.request import ApiRequest


def request(*encodings: bytes) -> ApiRequest:
    scope = {"method": "POST", "path": "/api/chat", "headers": [(b"content-encoding", encoding) for encoding in encodings]}
    return ApiRequest(scope, None, None)  # type: ignore[arg-type]


async def models(body: bytes, *encodings: bytes) -> list[str]:
    return sorted((await named_in(request(*encodings), body)).models)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"model":"a"}', ["a"]),
        (b'{"name":"a","model":"b"}', ["a", "b"]),
        (b'{"model":"a","model":"b","MODEL":"c","mOdEl":"d"}', ["a", "b", "c", "d"]),
        ('{"\u017fource":"a","de\u017ftination":"b"}'.encode(), ["a", "b"]),
        (b'{"\\u017fource":"a","\\u006dodel":"b"}', ["a", "b"]),
        (b'{"from":"a","source":"b","destination":"c"}', ["a", "b", "c"]),
        (b'\xef\xbb\xbf  {"model":"a"}', ["a"]),
        (b'{"model":"a"} {"model":"b"}', ["a"]),
        (b'{"model":"a"}garbage', ["a"]),
        (b'{"model":null,"name":7,"from":["x"],"source":{"model":"y"}}', []),
        (b'{"model":""}', []),
        (b'{"messages":[{"name":"x","model":"y"}],"model":"a"}', ["a"]),
        (b'{"model":"a\\ud800"}', ["a\ufffd"]),
        (b'{"model":"\xff"}', ["\ufffd"]),
        (b"null", []),
        (b'[{"model":"a"}]', []),
        (b'"model"', []),
    ],
)
async def test_models_are_found_whoever_reads(body: bytes, found: list[str]) -> None:
    assert await models(body) == found


async def test_model_is_found_behind_a_large_body() -> None:
    body = json.dumps({"images": ["x" * 200_000], "objects": [{}] * 50_000, "model": "a"}).encode()

    assert await models(body) == ["a"]
    assert await models(gzip.compress(body), b"gzip") == ["a"]


@pytest.mark.parametrize(
    ("body", "encodings", "status", "text"),
    [
        (b"", (), 400, "missing request body"),
        (b" \n", (), 400, "missing request body"),
        (b'{"model":', (), 400, "the request body is not valid JSON: Expecting value"),
        (b"{model:1}", (), 400, "the request body is not valid JSON"),
        (b'{"a":NaN,"model":"a"}', (), 400, "the request body is not valid JSON"),
        (b'{"a":' + b"[" * 200_000, (), 400, "the request body is nested too deeply"),
        (b'{"a":' + b'{"a":' * 200_000, (), 400, "the request body is nested too deeply"),
        (b'{"model":"a"}', (b"gzip",), 400, "the request body is not valid gzip"),
        (b'{"model":"a"}', (b"zstd",), 400, "the request body is not valid zstd"),
        (b'{"model":"a"}', (b"br",), 415, "br"),
        (b'{"model":"a"}', (b"identity", b"gzip"), 415, "more than once"),
        (gzip.compress(b" " * (33 * 1024 * 1024)), (b"gzip",), 413, "larger than 32 MiB"),
    ],
)
async def test_body_that_cannot_be_read_is_refused(body: bytes, encodings: tuple[bytes, ...], status: int, text: str) -> None:
    with pytest.raises(Refusal, match=text) as refused:
        await named_in(request(*encodings), body)

    assert refused.value.status == status
    error: Any = json.loads(refused.value.answer("/v1/messages")[1])
    assert error["type"] == "error"
