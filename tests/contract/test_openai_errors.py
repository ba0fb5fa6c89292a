"""What clients of the endpoints in OpenAI's shape are told when something is wrong: status, sentence, field and code."""

import gzip
import json
from typing import Any

import httpx
import openai
import pytest

from tests.contract.service import ENDLESS, MODEL, Service, until

HI = [{"role": "user", "content": "hi"}]
ASK: dict[str, Any] = {"model": MODEL, "messages": HI}
INVALID = "invalid_request"
FULL_NAME = f"registry.ollama.ai/library/{MODEL}"


def check_error(response: httpx.Response, status: int, message: str, param: str | None, code: str) -> None:
    kind = {404: "not_found_error"}.get(status, "invalid_request_error")
    shape = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    assert (response.status_code, response.json()) == (status, shape)
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({}, "[] is too short - 'messages'", "messages"),
        ({"model": MODEL, "messages": []}, "[] is too short - 'messages'", "messages"),
        ({"messages": HI}, "model is required", "model"),
        ({**ASK, "model": "m@d"}, "invalid model name", "model"),
        ({**ASK, "model": 7}, "model must be a string, not a whole number", "model"),
        ({"model": MODEL, "messages": [{"role": "user", "content": 1}]},
         "invalid message content type: float64", "messages[0].content"),
        ({**ASK, "stop": 5}, "invalid type for 'stop' field: float64", "stop"),
        ({**ASK, "n": 0}, "n must be from 1 to 16", "n"),
        ({**ASK, "n": 17, "stream": True}, "n must be from 1 to 16", "n"),
        ({**ASK, "temperature": "x"}, "temperature must be a number or null, not a string", "temperature"),
        ({**ASK, "top_logprobs": 21}, "top_logprobs must be between 0 and 20", "top_logprobs"),
        ({**ASK, "logit_bias": {"1": "x"}},
         'option "logit_bias" must give each token a number, or false to forbid it', "logit_bias"),
        ({**ASK, "options": {"num_ctx": "x"}}, 'option "num_ctx" must be of type integer', "num_ctx"),
        ({**ASK, "keep_alive": True}, "keep_alive: Unsupported type: 'bool'", "keep_alive"),
        ({**ASK, "reasoning_effort": "x"},
         "reasoning_effort must be one of none, minimal, low, medium, high, xhigh, ultra, max", "reasoning_effort"),
        ({**ASK, "response_format": {"type": "x"}},
         "response_format.type must be one of text, json_object, json_schema", "response_format.type"),
        ({**ASK, "response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}},
         'format: the keyword "not" of a JSON schema is not possible.', None),
        ({**ASK, "tools": [{"type": "function", "function": {"name": "f"}}]}, f"{FULL_NAME} does not support tools", "tools"),
        ({"model": MODEL, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}]},
         f'"{MODEL}" does not support images', None),
    ],
)  # fmt: skip
def test_chat_refuses(service: Service, body: dict[str, Any], message: str, param: str | None) -> None:
    check_error(service.post("/v1/chat/completions", body), 400, message, param, INVALID)


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({"model": MODEL, "prompt": []}, "prompt is required", "prompt"),
        ({"model": MODEL, "prompt": 7}, "prompt must be a string or an array, not a whole number", "prompt"),
        ({"model": MODEL, "prompt": ["a", [1]]},
         "prompt must be a string, an array of strings, token ids, or an array of arrays of token ids", "prompt"),
        ({"model": MODEL, "prompt": ["a"] * 129}, "prompt has 129 entries; at most 128 are possible in one request", "prompt"),
        ({"model": MODEL, "prompt": ["a"] * 100, "n": 2}, "prompts times n must be at most 128", "n"),
        ({"model": MODEL, "prompt": "a", "best_of": 2}, "best_of must be n: of several answers none is chosen here", "best_of"),
        ({"model": MODEL, "prompt": "a", "logprobs": 21}, "logprobs must be from 0 to 20", "logprobs"),
        ({"model": MODEL, "prompt": "a", "logprobs": 1, "echo": True},
         "echo with logprobs is not supported: a prompt's tokens have no logprobs here", "echo"),
        ({"model": MODEL, "prompt": [1], "echo": True}, "echo is not possible with a prompt of tokens", "echo"),
        ({"model": MODEL, "prompt": [99999999]}, "The prompt has a token that this model does not know (it knows 49152).", None),
        ({"model": MODEL, "prompt": "a", "suffix": "b"}, f"{FULL_NAME} does not support insert", "suffix"),
        ({"model": MODEL, "prompt": ""}, "There is nothing to answer: the prompt is empty.", None),
        ({"prompt": "a"}, "model is required", "model"),
    ],
)  # fmt: skip
def test_completions_refuse(service: Service, body: dict[str, Any], message: str, param: str | None) -> None:
    check_error(service.post("/v1/completions", body), 400, message, param, INVALID)


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({"model": MODEL}, "invalid input", "input"),
        ({"model": MODEL, "input": []}, "invalid input", "input"),
        ({"model": MODEL, "input": 7}, "invalid input", "input"),
        ({"model": MODEL, "input": [[]]}, "input[0] is empty", "input[0]"),
        ({"model": MODEL, "input": ["a"] * 8193},
         "input has 8193 entries; at most 8192 are possible in one request", "input"),
        ({"model": MODEL, "input": "a", "encoding_format": "x"},
         "Invalid value for 'encoding_format' = x. Supported values: ['float', 'base64'].", "encoding_format"),
        ({"model": MODEL, "input": "a", "dimensions": -1}, "dimensions must be 0 or more", "dimensions"),
        ({"input": "a"}, "model is required", "model"),
    ],
)  # fmt: skip
def test_embeddings_refuse(service: Service, body: dict[str, Any], message: str, param: str | None) -> None:
    check_error(service.post("/v1/embeddings", body), 400, message, param, INVALID)


@pytest.mark.parametrize("path", ["chat/completions", "completions", "embeddings"])
def test_unknown_model_and_bad_bodies_on_every_path(service: Service, path: str) -> None:
    body = {"model": "x", "messages": HI, "prompt": "a", "input": "a"}
    with service.client() as client:
        for is_streaming in (False, True):
            response = client.post(f"/v1/{path}", json={**body, "stream": is_streaming})
            check_error(response, 404, "model 'x' not found", None, "model_not_found")
        check_error(client.post(f"/v1/{path}"), 400, "missing request body", None, INVALID)
        check_error(
            client.post(f"/v1/{path}", content=b"[1]"), 400, "the request body must be a JSON object, not an array", None, INVALID
        )
        check_error(
            client.post(f"/v1/{path}", content=b'{"a":' * 50_000), 400, "the request body is nested too deeply", None, INVALID
        )
        check_error(client.get(f"/v1/{path}"), 405, "405 method not allowed", None, INVALID)


def test_compressed_bodies(service: Service) -> None:
    content = gzip.compress(json.dumps({**ASK, "max_tokens": 1}).encode())
    with service.client() as client:
        post = {
            name: client.post("/v1/chat/completions", content=content, headers={"content-encoding": name})
            for name in ("gzip", "zstd", "br")
        }

    assert post["gzip"].json()["object"] == "chat.completion"
    check_error(post["zstd"], 400, "the request body is not valid zstd, or not whole", None, INVALID)
    message = 'content-encoding "br" is not supported; send gzip, deflate, zstd or no encoding'
    check_error(post["br"], 415, message, None, "unsupported_encoding")


def test_prompt_that_is_too_long_is_refused_with_openais_code(service: Service) -> None:
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="x", max_retries=0)
    with client, pytest.raises(openai.BadRequestError, match="has room for 1024") as refused:
        client.completions.create(model=MODEL, prompt="long " * 3000, stream=True)

    assert (refused.value.code, refused.value.type) == ("context_length_exceeded", "invalid_request_error")


def test_full_queue_says_when_to_come_back(own_service: Service) -> None:
    own_service.environ |= {"OLLAMA_NUM_PARALLEL": "1", "OLLAMA_MAX_QUEUE": "2"}
    own_service.start()
    response = own_service.post(
        "/v1/chat/completions", {"model": MODEL, "messages": ENDLESS, "n": 8, "temperature": 0, "hearth": {"loop_guard": False}}
    )

    assert (response.status_code, response.json()["error"]["code"], response.json()["error"]["type"]) == (
        503,
        "queue_full",
        "api_error",
    )
    assert int(response.headers["retry-after"]) > 0
    # Those that had found a place do not keep it.
    with own_service.client() as client:
        until(lambda: "\nhearth_waiting_requests 0.0" in client.get("/metrics").text, seconds=5)
        assert client.post("/v1/chat/completions", json={**ASK, "max_tokens": 1}).status_code == 200


def test_runner_that_dies_ends_the_stream_with_an_error(own_service: Service) -> None:
    own_service.start()
    client = openai.OpenAI(base_url=f"{own_service.url}/v1", api_key="x", max_retries=0)
    with client, pytest.raises(openai.APIError) as failed:
        stream = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Count to a thousand."}], stream=True, temperature=0
        )
        for chunk in stream:
            if chunk.choices[0].delta.content and own_service.runners():
                own_service.runners()[0].kill()

    assert failed.value.code == "runner_crashed"
