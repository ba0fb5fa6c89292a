"""What clients are told when something is wrong with their request: status and body, over the wire."""

import json
import socket
from typing import Any

import httpx
import pytest

from tests.contract.service import MODEL, Service, chat_body

FULL_NAME = f"registry.ollama.ai/library/{MODEL}"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
UNKNOWN_TOKEN = "The prompt has a token that this model does not know (it knows 49152)."
BAD_FORMAT = 'invalid format: "yaml"; expected "json" or a valid JSON Schema object'


def check_error(response: httpx.Response, status: int, message: str, code: str) -> None:
    assert (response.status_code, response.json()) == (status, {"error": message, "code": code})
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "model is required"),
        ({"model": ""}, 400, "model is required"),
        ({"top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
        ({"top_logprobs": -1}, 400, "top_logprobs must be between 0 and 20"),
        ({"model": "../../etc/passwd"}, 400, "invalid model name"),
        ({"model": "m@d"}, 400, "invalid model name"),
        ({"model": "x"}, 404, "model 'x' not found"),
        ({"model": "x", "messages": [], "keep_alive": 0}, 404, "model 'x' not found"),
        ({"model": "x", "think": True, "tools": [{}]}, 404, "model 'x' not found"),
        ({**ASK, "think": True}, 400, f'"{MODEL}" does not support thinking'),
        ({**ASK, "think": "high"}, 400, f'"{MODEL}" does not support thinking'),
        ({**ASK, "tools": [{}]}, 400, f"{FULL_NAME} does not support tools"),
        ({**ASK, "format": "yaml"}, 400, BAD_FORMAT),
        ({**ASK, "format": 5}, 400, 'invalid format: 5; expected "json" or a valid JSON Schema object'),
        ({**ASK, "format": {"not": {}}}, 400, 'format: the keyword "not" of a JSON schema is not possible.'),
        ({**ASK, "options": {"grammar": 5}}, 400, 'option "grammar" must be of type string'),
        ({**ASK, "options": {"grammar": "root ::= x"}}, 400, "The grammar's rule root uses x, which is not there."),
        ({**ASK, "options": {"mirostat": 7}}, 400, "mirostat has to be at most 2."),
        ({**ASK, "options": {"xtc_probability": -1}}, 400, "xtc_probability has to be at least 0."),
        ({**ASK, "options": {"logit_bias": {"-5": "x"}}}, 400,
         'option "logit_bias" must give each token a number, or false to forbid it'),
        ({**ASK, "options": {"logit_bias": {"99999999": 1}}}, 400,
         "logit_bias names token 99999999, which this model does not know (it knows 49152)."),
        ({**ASK, "options": {"num_ctx": "x"}}, 400, 'option "num_ctx" must be of type integer'),
        ({**ASK, "keep_alive": True}, 400, "keep_alive: Unsupported type: 'bool'"),
        ({**ASK, "messages": [{"role": "user", "images": ["aGk="]}]}, 400, f'"{MODEL}" does not support images'),
        ({"model": MODEL, "messages": [{"content": "hi"}]}, 400, "messages[0].role is required"),
    ],
)  # fmt: skip
def test_chat_refuses(service: Service, body: dict[str, Any], status: int, message: str) -> None:
    code = "model_not_found" if status == 404 else "invalid_request"
    check_error(service.post("/api/chat", body), status, message, code)


@pytest.mark.parametrize(
    ("body", "status", "message", "code"),
    [
        ({}, 404, "model '' not found", "model_not_found"),
        ({"model": "m@d"}, 400, "invalid model name", "invalid_request"),
        ({"model": "x"}, 404, "model 'x' not found", "model_not_found"),
        ({"raw": True, "system": "s"}, 400, "raw mode does not support template, system, or context", "invalid_request"),
        ({"raw": True, "template": "s"}, 400, "raw mode does not support template, system, or context", "invalid_request"),
        ({"raw": True, "context": [1]}, 400, "raw mode does not support template, system, or context", "invalid_request"),
        ({"think": True}, 400, f'"{MODEL}" does not support thinking', "invalid_request"),
        ({"suffix": "x"}, 400, f"{FULL_NAME} does not support insert", "invalid_request"),
        ({"images": ["aGk="]}, 400, f'"{MODEL}" does not support images', "invalid_request"),
        (
            {"context": [99999999]},
            400,
            "The prompt has a token that this model does not know (it knows 49152).",
            "invalid_request",
        ),
        ({"template": "{{ if }}"}, 400, "template has an error in line 1: missing value for if", "invalid_request"),
        ({"template": "x" * 70_000}, 400, "template has more than 65536 characters", "invalid_request"),
        ({"prompt": ["a"]}, 400, "prompt must be a string, not an array", "invalid_request"),
        ({"context": "x"}, 400, "context must be an array, not a string", "invalid_request"),
    ],
)
def test_generate_refuses(service: Service, body: dict[str, Any], status: int, message: str, code: str) -> None:
    if body and "model" not in body:
        body = {"model": MODEL, "prompt": "hi", **body}
    check_error(service.post("/api/generate", body), status, message, code)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_malformed_bodies_are_told_apart(service: Service, path: str) -> None:
    with service.client() as client:
        check_error(client.post(path), 400, "missing request body", "invalid_request")
        check_error(
            client.post(path, content=b"[]"), 400, "the request body must be a JSON object, not an array", "invalid_request"
        )
        check_error(client.post(path, content=b'{"a":' * 50_000), 400, "the request body is nested too deeply", "invalid_request")


def test_deep_tool_calls_are_refused(service: Service) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": [deep]}
    message = {"role": "assistant", "tool_calls": [deep]}
    response = service.post("/api/chat", {"model": MODEL, "messages": [message]})

    check_error(response, 400, "messages[0].tool_calls is nested too deeply", "invalid_request")


def test_body_that_is_too_large_is_refused(service: Service) -> None:
    with service.client() as client:
        response = client.post("/api/chat", content=b'{"model":"' + b"a" * (33 * 1024 * 1024) + b'"}')
        check_error(response, 413, "the request body is larger than 32 MiB", "payload_too_large")
        assert client.get("/api/version").status_code == 200


def test_unknown_paths_and_methods_get_ollamas_words(service: Service) -> None:
    with service.client() as client:
        answers = [
            client.get("/nope"),
            client.get("/api/chat"),
            client.post("/api/tags"),
            client.head("/api/ps"),
            client.get("/api/tags/more"),
        ]

    assert [answer.status_code for answer in answers] == [404, 405, 405, 405, 404]
    assert [answer.text for answer in answers] == [
        "404 page not found", "405 method not allowed", "405 method not allowed", "", "404 page not found",
    ]  # fmt: skip


def test_prompt_longer_than_the_context_is_refused_with_both_numbers(service: Service) -> None:
    response = service.post("/api/chat", chat_body("word " * 5000, truncate=False, stream=False))

    assert response.status_code == 400
    assert response.json()["code"] == "context_length_exceeded"
    assert "1024" in response.json()["error"].replace(",", "")


@pytest.mark.parametrize("host", ["evil.com", "evil.com:80", "localhost.evil.com"])
def test_foreign_host_header_is_refused_with_an_empty_body(service: Service, host: str) -> None:
    with service.client() as client:
        response = client.post("/api/chat", json=chat_body(), headers={"host": host})

    assert (response.status_code, response.content) == (403, b"")


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_page_of_another_host_can_start_nothing(service: Service, origin: str) -> None:
    with service.client() as client:
        response = client.post(
            "/api/chat", content=json.dumps(chat_body()), headers={"origin": origin, "content-type": "text/plain"}
        )
        loaded = client.get("/", headers={"origin": "http://localhost:3000"})

    assert (response.status_code, response.content) == (403, b"")
    assert loaded.text == "Ollama is running"


@pytest.mark.parametrize(
    "request_bytes",
    [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"],
)
def test_what_is_no_http_is_turned_away(service: Service, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(request_bytes)
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_sender_that_stops_in_mid_body_harms_nobody(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert service.post("/api/chat", {}).json()["error"] == "model is required"


def test_empty_values_of_unsupported_fields_are_accepted(service: Service) -> None:
    empty = {
        "format": "",
        "tools": [],
        "think": False,
        "logprobs": False,
        "options": {"num_predict": 1, "mirostat": None, "logit_bias": {}, "grammar": "", "tfs_z": 1},
    }
    messages = [{"role": "user", "content": "hi", "images": [], "tool_calls": None}]
    chat = service.post("/api/chat", {"model": MODEL, "messages": messages, "stream": False, "keep_alive": None, **empty})
    generate = service.post(
        "/api/generate",
        {
            "model": MODEL,
            "prompt": "hi",
            "suffix": "",
            "template": "",
            "context": None,
            "images": [],
            "raw": False,
            "stream": False,
            **empty,
        },
    )

    assert chat.json()["done"] is True
    assert generate.json()["done"] is True


def test_errors_name_no_path_of_the_machine(service: Service) -> None:
    bodies: list[Any] = [{}, [], {"model": "x"}, {"model": "a/b/c:d"}, {"model": MODEL, "messages": "x"}]
    texts = [service.post("/api/chat", body).text for body in bodies]

    assert all(str(service.data) not in text and json.loads(text)["error"] for text in texts)
