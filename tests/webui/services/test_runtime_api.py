"""Calls of the runtime's API from threads: what they give, and what goes wrong in words."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from tests.webui.http_runtime import Answer, HTTPRuntime, http_runtime
from webui.services.errors import EngineUnavailable, NotSupported, RuntimeFailure
from webui.services.runtime_api import call, runtime_answers, stream


@pytest.fixture
def runtime(settings: Any) -> Iterator[HTTPRuntime]:
    with http_runtime() as runtime:
        settings.INFERENCE_URL = runtime.url
        yield runtime


def lines(*objects: Any) -> Answer:
    return Answer(raw=b"".join(json.dumps(fields, ensure_ascii=False).encode() + b"\n" for fields in objects))


def test_call_sends_and_returns_json(runtime: HTTPRuntime) -> None:
    runtime.answers["POST /api/show"] = {"system": "Be kind."}

    assert call("POST", "/api/show", {"model": "m"}) == {"system": "Be kind."}
    assert runtime.requests == [("POST /api/show", {"model": "m"})]


def test_call_with_an_empty_answer_gives_an_empty_object(runtime: HTTPRuntime) -> None:
    runtime.answers["DELETE /api/delete"] = Answer(raw=b"")
    assert call("DELETE", "/api/delete", {"model": "m"}) == {}


@pytest.mark.parametrize(
    ("answer", "kind", "code", "sentence"),
    [
        (Answer({"error": "model 'm' not found"}, 404), RuntimeFailure, "model_not_found", "“m” is not installed"),
        (Answer({"error": "x", "code": "queue_full"}, 503), RuntimeFailure, "queue_full", "Too many people"),
        (Answer({"error": "This is wrong."}, 400), RuntimeFailure, "invalid_request", "This is wrong."),
        (Answer({"error": "This is wrong.", "code": "odd"}, 409), RuntimeFailure, "odd", "This is wrong."),
        (Answer(raw=b"404 page not found", status=404), NotSupported, "not_supported", "cannot do this"),
        (Answer(raw=b"405 method not allowed", status=405), NotSupported, "not_supported", "cannot do this"),
        (Answer(raw=b"<html>", status=502), RuntimeFailure, "engine_error", "reported an error"),
        (Answer(["x"], 500), RuntimeFailure, "engine_error", "reported an error"),
        (Answer(raw=b"not json"), RuntimeFailure, "stream_broken", "connection to the model runtime was lost"),
        (Answer(raw=b"[" * 100_000), RuntimeFailure, "stream_broken", "connection to the model runtime was lost"),
    ],
)
def test_call_refused_says_why(runtime: HTTPRuntime, answer: Answer, kind: type, code: str, sentence: str) -> None:
    runtime.answers["POST /api/show"] = answer
    with pytest.raises(kind, match=sentence) as refused:
        call("POST", "/api/show", {"model": "m"})
    assert refused.value.code == code


def test_refusal_speaks_the_language_of_the_person(runtime: HTTPRuntime) -> None:
    with translation.override("zh-hans"), pytest.raises(NotSupported, match="不支持"):
        call("GET", "/api/hearth/jobs")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "unix:/nowhere/at/all.sock"])
def test_call_where_nothing_answers(settings: Any, url: str) -> None:
    settings.INFERENCE_URL = url
    with pytest.raises(EngineUnavailable, match="does not answer"):
        call("GET", "/api/tags")
    assert runtime_answers() is False


def test_call_gives_up_on_a_runtime_that_hangs(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        settings.INFERENCE_URL = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        with pytest.raises(EngineUnavailable, match="does not answer"):
            call("GET", "/api/tags", timeout=0.1)


def test_stream_gives_each_line(runtime: HTTPRuntime) -> None:
    # A separator that ends a line elsewhere, but not in NDJSON.
    runtime.answers["POST /api/pull"] = lines({"status": "a\u2028b"}, {"status": "success"})
    assert list(stream("POST", "/api/pull", {"model": "m"})) == [{"status": "a\u2028b"}, {"status": "success"}]


def test_stream_raises_the_error_among_its_lines(runtime: HTTPRuntime) -> None:
    runtime.answers["POST /api/pull"] = lines({"status": "pulling"}, {"error": "no space left", "code": "disk_full"})
    heard = stream("POST", "/api/pull", {"model": "m"})
    assert next(heard) == {"status": "pulling"}
    with pytest.raises(RuntimeFailure, match="no space left") as failed:
        next(heard)
    assert failed.value.code == "disk_full"


@pytest.mark.parametrize("garbage", [b"{", b"3\n", b"\xff\n"])
def test_stream_of_garbage_is_a_failure(runtime: HTTPRuntime, garbage: bytes) -> None:
    runtime.answers["POST /api/pull"] = Answer(raw=garbage)
    with pytest.raises(RuntimeFailure, match="was lost"):
        list(stream("POST", "/api/pull", {"model": "m"}))


def test_runtime_answers_where_there_is_one(runtime: HTTPRuntime) -> None:
    assert runtime_answers() is True
