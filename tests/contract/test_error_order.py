"""Which of several faults a client is told: the order of Ollama's checks decides the status. And where limits are."""

from typing import Any

import pytest

from tests.contract.service import MODEL, Service

FULL_NAME = f"registry.ollama.ai/library/{MODEL}"
HI = [{"role": "user", "content": "hi"}]
TOP_LOGPROBS = "top_logprobs must be between 0 and 20"
NOT_FOUND = "model 'x' not found"
RAW = "raw mode does not support template, system, or context"
THINK = f'"{MODEL}" does not support thinking'
#: Every fault that a chat can have, in the order in which they are found, with what it is told.
CHAT_FAULTS: list[tuple[dict[str, Any], int, str]] = [
    ({"stream": "x"}, 400, "stream must be true or false, not a string"),
    ({"keep_alive": "10x"}, 400, "keep_alive: "),
    ({"think": "hard"}, 400, 'invalid think value: "hard"'),
    ({"top_logprobs": 21}, 400, TOP_LOGPROBS),
    ({"model": ""}, 400, "model is required"),
    ({"model": "m@d"}, 400, "invalid model name"),
    ({"model": "x"}, 404, NOT_FOUND),
    ({"think": True}, 400, THINK),
    ({"format": "yaml"}, 400, "invalid format: "),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 400, f"{FULL_NAME} does not support tools"),
    ({"messages": [{"role": "", "content": "hi"}]}, 400, "messages[0].role is required"),
    ({"options": {"num_ctx": "x"}}, 400, 'option "num_ctx" must be of type integer'),
]
GENERATE_FAULTS: list[tuple[dict[str, Any], int, str]] = [
    ({"stream": "x"}, 400, "stream must be true or false, not a string"),
    ({"keep_alive": "10x"}, 400, "keep_alive: "),
    ({"think": 5}, 400, "think must be a boolean or string"),
    ({"top_logprobs": -1}, 400, TOP_LOGPROBS),
    ({"model": ""}, 404, "model '' not found"),
    ({"model": "m@d"}, 400, "invalid model name"),
    ({"model": "x"}, 404, NOT_FOUND),
    ({"raw": True, "system": "s"}, 400, RAW),
    ({"think": True}, 400, THINK),
    ({"format": 7}, 400, "invalid format: "),
    ({"suffix": "x"}, 400, f"{FULL_NAME} does not support insert"),
    ({"context": [-1]}, 400, "context must hold numbers of tokens"),
    ({"images": ["aGk="]}, 400, f'"{MODEL}" does not support images'),
    ({"options": {"stop": 5}}, 400, 'option "stop" must be of type array'),
]


def pairs(faults: list[tuple[dict[str, Any], int, str]]) -> list[tuple[dict[str, Any], int, str]]:
    """Each fault with each of those that come after it and can be made together with it."""
    return [
        ({**later, **first}, status, message)
        for index, (first, status, message) in enumerate(faults)
        for later, _, _ in [({}, 0, ""), *faults[index + 1 :]]
        if not set(first) & set(later)
    ]


def check(service: Service, path: str, base: dict[str, Any], faults: list[tuple[dict[str, Any], int, str]]) -> None:
    with service.client() as client:
        for changes, status, message in pairs(faults):
            response = client.post(path, json={**base, **changes})
            assert (response.status_code, response.json()["error"].startswith(message)) == (status, True), (
                changes,
                response.text,
            )


def test_chat_tells_the_first_fault_in_ollamas_order(service: Service) -> None:
    check(service, "/api/chat", {"model": MODEL, "messages": HI}, CHAT_FAULTS)


def test_generate_tells_the_first_fault_in_ollamas_order(service: Service) -> None:
    check(service, "/api/generate", {"model": MODEL, "prompt": "hi"}, GENERATE_FAULTS)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_unload_and_load_come_before_what_only_an_answer_needs(service: Service, path: str) -> None:
    unloaded = service.post(path, {"model": MODEL, "keep_alive": 0, "think": True, "format": "yaml", "raw": True, "system": "s"})
    refused = service.post(path, {"model": MODEL, "keep_alive": "5m", "think": True})

    assert unloaded.json()["done_reason"] == "unload"
    assert (refused.status_code, refused.json()["error"]) == (400, THINK)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, ""), (42, ""), (42.5, ""), ("42m", ""), ("1h30m", ""), ("10s", ""), (-1, ""), (-3.14, ""), ("-1m", ""),
        # Ollama refuses these; what they mean is plain.
        ("10", ""), ("1d", ""),
        (True, "keep_alive: Unsupported type: 'bool'"), ([], "keep_alive: Unsupported type: '[]interface {}'"),
        ("soon", "keep_alive: "),
    ],
)  # fmt: skip
def test_keep_alive_in_every_form(service: Service, value: object, message: str) -> None:
    response = service.post("/api/generate", {"model": MODEL, "keep_alive": value})
    service.post("/api/generate", {"model": MODEL, "keep_alive": "5m"})

    assert response.status_code == (400 if message else 200)
    assert response.json().get("error", "").startswith(message)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/api/show", {}, 400, "model is required"),
        ("POST", "/api/show", {"name": "x"}, 404, NOT_FOUND),
        ("POST", "/api/embed", {"model": MODEL, "input": 7}, 400, "invalid input type"),
        ("POST", "/api/embed", {"input": "x"}, 404, "model '' not found"),
        ("POST", "/api/embeddings", {}, 400, "model is required"),
        ("POST", "/api/embeddings", {"model": "x", "prompt": "x"}, 404, 'model "x" not found, try pulling it first'),
        ("POST", "/api/create", {}, 400, "invalid model name"),
        ("POST", "/api/create", {"model": "new"}, 400, "neither 'from' or 'files' was specified"),
        ("POST", "/api/create", {"model": "new", "files": {"a.gguf": "x"}}, 400, "invalid digest format"),
        ("POST", "/api/push", {"model": "x"}, 404, NOT_FOUND),
        ("POST", "/api/push", {}, 400, "invalid model name"),
        ("POST", "/api/blobs/sha256:xyz", {}, 400, "invalid digest format"),
        ("POST", f"/api/blobs/sha256:{'0' * 64}", {}, 400, f'digest mismatch, expected "sha256:{"0" * 64}", got "sha256:'),
        ("POST", "/api/chat", {"model": MODEL, "messages": HI * 16385}, 400,
         "the request has 16385 messages; at most 16384 are possible"),
        ("POST", "/api/chat", {"model": MODEL, "messages": HI, "options": {"stop": ["x"] * 65}}, 400,
         'option "stop" must hold at most 64 strings'),
        ("POST", "/api/generate", {"model": MODEL, "prompt": "x", "context": [2**40]}, 400,
         "context must hold numbers of tokens"),
    ],
)  # fmt: skip
def test_fault_gets_its_status_and_words(
    service: Service, method: str, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    with service.client() as client:
        response = client.request(method, path, json=body)

    assert response.status_code == status
    assert response.json()["error"].startswith(message)


@pytest.mark.parametrize(
    ("options", "asked"),
    [({"num_ctx": 10**30}, True), ({"num_ctx": -5}, False), ({"num_ctx": 1.9}, False)],
)
def test_context_out_of_every_range_is_a_context(embedder: Service, options: dict[str, Any], asked: bool) -> None:
    body = {"model": "llama-plain", "prompt": "one", "raw": True, "stream": False, "options": {"num_predict": 1, **options}}
    answer = embedder.post("/api/generate", body).json()

    assert answer["done"] is True
    assert ("num_ctx_asked" in answer["hearth"]) is asked
