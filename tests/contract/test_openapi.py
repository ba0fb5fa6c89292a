"""The OpenAPI document: it is valid, it is complete, and it says what really comes back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from inference.api.openapi.document import build_document
from tests.contract.openapi_document import DOCUMENT, check_response
from tests.contract.service import MODEL, Service, chat_body
from tests.inference.tiny_models import write_llama
from tests.webui.api.test_routes import routes_of_the_runtime

#: What stands in no document, and why.
LEFT_OUT = {
    "/": "a sentence that some clients look for",
    "/metrics": "Prometheus' own format: docs/metrics.md",
    "/openapi.json": "the document itself",
    "/api/hearth/forget": "for the web process alone, on the Unix socket",
    "/api/hearth/usage/{id}": "for the web process alone, on the Unix socket",
    "/api/me": "of an account at ollama.com, which nobody has here",
    "/api/signout": "of an account at ollama.com, which nobody has here",
    "/api/user/keys/{key}": "of an account at ollama.com, which nobody has here",
    "/api/experimental/{service}": "of ollama.com",
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def body_schema(operation: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return schema


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_document_is_valid(language: str) -> None:
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(build_document(language))] == []


async def test_document_has_every_route(tmp_path: Path) -> None:
    routes = {(method, path.replace(":path", "")) for method, path in routes_of_the_runtime(tmp_path)}
    described = {(method, path) for method, path, _ in operations()}

    # HEAD is like GET but for the body.
    expected = {
        (method, path) for method, path in routes if path not in LEFT_OUT and (method != "HEAD" or ("GET", path) not in routes)
    }
    assert expected - described == set()
    assert described - expected == set()


def test_document_explains_every_field() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    parts = {path: body_schema(operation) for _, path, operation in operations()}
    parts |= {name: schema for name, schema in schemas.items() if name.endswith("Body") or name == "StreamOptions"}

    fields = [(place, name, field) for place, part in parts.items() for name, field in part.get("properties", {}).items()]
    assert len(fields) > 150
    assert [(place, name) for place, name, field in fields if not field.get("description")] == []


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[key] for key in ("summary", "description") if isinstance(value.get(key), str))
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts_of(part)


def test_document_of_chinese_readers_is_chinese() -> None:
    english, chinese = DOCUMENT["paths"], build_document("zh-hans")["paths"]

    pairs = [
        (path, en["summary"], chinese[path][method]["summary"])
        for path, methods in english.items()
        for method, en in methods.items()
    ]
    assert [pair for pair in pairs if pair[2].isascii() or pair[1] == pair[2]] == []
    texts = list(texts_of([body_schema(operation) for methods in chinese.values() for operation in methods.values()]))
    assert len(texts) > 150
    assert {text for text in texts if text.isascii()} == {"JSON schema"}


def test_document_is_served_in_the_language_asked_for(service: Service) -> None:
    with service.client() as client:
        english = client.get("/openapi.json").json()
        chinese = client.get("/openapi.json", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).json()
        asked = client.get("/openapi.json", params={"language": "zh-hans"}, headers={"Accept-Language": "en"}).json()

    assert english == DOCUMENT
    assert chinese == asked == build_document("zh-hans")


CHAT = {**chat_body(), "options": {"num_predict": 5, "seed": 1}}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}},
}
OPENAI = {"model": MODEL, "messages": CHAT["messages"], "max_tokens": 5, "seed": 1}
ANTHROPIC = {"model": MODEL, "messages": CHAT["messages"], "max_tokens": 20}
RESPONSES = {"model": MODEL, "input": "Hello", "max_output_tokens": 20}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/api/chat", CHAT | {"hearth": {"events": True}}),
    ("/api/chat", CHAT | {"stream": False, "logprobs": True, "top_logprobs": 2}),
    ("/api/chat", CHAT | {"stream": False, "tools": [TOOL], "tool_choice": "required", "options": {"num_predict": 60}}),
    ("/api/chat", CHAT | {"stream": False, "_debug_render_only": True}),
    ("/api/chat", CHAT | {"messages": [], "stream": False}),
    ("/api/chat", CHAT | {"messages": 5}),
    ("/api/chat", CHAT | {"model": "nothing"}),
    ("/api/generate", {"model": MODEL, "prompt": "Hello", "options": {"num_predict": 5}}),
    ("/api/generate", {"model": MODEL, "prompt": "Hello", "options": {"num_predict": 5}, "stream": False, "logprobs": True}),
    ("/api/embed", {"model": MODEL, "input": ["a", "b"]}),
    ("/api/embed", {"model": MODEL, "input": []}),
    ("/api/embeddings", {"model": MODEL, "prompt": "a"}),
    ("/api/rerank", {"model": MODEL, "query": "a", "documents": ["a"]}),
    ("/api/tokenize", {"model": MODEL, "content": "天空", "with_pieces": True}),
    ("/api/detokenize", {"model": MODEL, "tokens": [504, 6376]}),
    ("/api/show", {"model": MODEL, "verbose": True}),
    ("/api/show", {"model": "nothing"}),
    ("/v1/chat/completions", OPENAI),
    ("/v1/chat/completions", OPENAI | {"logprobs": True, "top_logprobs": 1, "n": 2}),
    ("/v1/chat/completions", OPENAI | {"stream": True, "stream_options": {"include_usage": True}, "logprobs": True}),
    ("/v1/chat/completions", OPENAI | {"tools": [TOOL], "tool_choice": "required", "max_tokens": 60}),
    ("/v1/chat/completions", OPENAI | {"tools": [TOOL], "tool_choice": "required", "max_tokens": 60, "stream": True}),
    ("/v1/chat/completions", OPENAI | {"model": "nothing"}),
    ("/v1/chat/completions", OPENAI | {"n": "x"}),
    ("/v1/completions", {"model": MODEL, "prompt": "Hello", "max_tokens": 3, "logprobs": 1}),
    ("/v1/completions", {"model": MODEL, "prompt": "Hello", "max_tokens": 3, "stream": True}),
    ("/v1/embeddings", {"model": MODEL, "input": "a"}),
    ("/v1/embeddings", {"model": MODEL, "input": "a", "encoding_format": "base64"}),
    ("/v1/rerank", {"model": MODEL, "query": "a", "documents": ["a"]}),
    ("/v1/responses", RESPONSES),
    ("/v1/responses", RESPONSES | {"stream": True}),
    (
        "/v1/responses",
        RESPONSES | {"tools": [{"type": "function", **TOOL["function"]}], "tool_choice": "required", "stream": True},
    ),
    ("/v1/responses", RESPONSES | {"model": "nothing"}),
    ("/v1/responses/input_tokens", {"model": MODEL, "input": "Hello"}),
    ("/v1/messages", ANTHROPIC),
    ("/v1/messages", ANTHROPIC | {"stream": True}),
    (
        "/v1/messages",
        ANTHROPIC | {"tools": [{"name": "look", "input_schema": {}}], "tool_choice": {"type": "any"}, "stream": True},
    ),
    ("/v1/messages", ANTHROPIC | {"max_tokens": "x"}),
    ("/v1/messages", ANTHROPIC | {"model": "nothing"}),
    ("/v1/messages/count_tokens", {"model": MODEL, "messages": CHAT["messages"]}),
    ("/api/hearth/estimate", {"model": MODEL}),
    ("/api/hearth/estimate", {"size": -1}),
    ("/api/hearth/jobs", {"kind": "nothing"}),
    ("/api/hearth/registries", {"registry": "x"}),
]


@pytest.mark.parametrize(("path", "body"), ASKED, ids=[f"{path} {number}" for number, (path, _) in enumerate(ASKED)])
def test_answers_are_as_described(service: Service, path: str, body: dict[str, Any]) -> None:
    check_response(path, service.post(path, body))


def test_lists_are_as_described(service: Service) -> None:
    with service.client() as client:
        for method, path, operation in operations():
            if method == "GET" and not any(part["in"] == "path" for part in operation.get("parameters", [])):
                check_response(path, client.get(path))
        check_response("/v1/models/{model}", client.get(f"/v1/models/{MODEL}"))
        check_response("/v1/models/{model}", client.get("/v1/models/nothing"))


@pytest.mark.parametrize("path", ["/api/rerank", "/v1/rerank", "/v2/rerank"])
def test_rankings_are_as_described(embedder: Service, path: str) -> None:
    check_response(
        path, embedder.post(path, {"model": "bert-rank", "query": "a", "documents": ["a", "b"], "return_documents": True})
    )


def test_changes_are_as_described(service: Service, tmp_path: Path) -> None:
    content = write_llama(tmp_path / "model.gguf", None).read_bytes()
    with service.client() as client:
        check_response("/api/create", client.post("/api/create", json={"model": "sky", "from": MODEL, "system": "Hi."}))
        check_response("/api/create", client.post("/api/create", json={"model": "sky"}))
        check_response("/api/copy", client.post("/api/copy", json={"source": "sky", "destination": "sky2"}))
        for model in ("sky", "sky2", "sky2"):
            check_response("/api/delete", client.request("DELETE", "/api/delete", json={"model": model}))
        digest = f"sha256:{'0' * 64}"
        check_response("/api/blobs/{digest}", client.head(f"/api/blobs/{digest}"))
        check_response("/api/blobs/{digest}", client.post(f"/api/blobs/{digest}", content=b"x"))
        created = client.post("/api/hearth/uploads", json={"name": "sky.gguf", "size": len(content)})
        check_response("/api/hearth/uploads", created)
        upload = f"/api/hearth/uploads/{created.json()['id']}"
        for offset, piece in ((5, b"x"), (0, content[:100])):
            check_response(
                "/api/hearth/uploads/{id}", client.patch(upload, content=piece, headers={"Upload-Offset": str(offset)})
            )
        check_response("/api/hearth/uploads/{id}", client.get(upload))
        check_response("/api/hearth/uploads", client.get("/api/hearth/uploads"))
        check_response("/api/hearth/uploads/{id}/finish", client.post(f"{upload}/finish", json={"model": "sky"}))
        check_response("/api/hearth/uploads/{id}", client.delete(upload))
        check_response("/api/hearth/uploads/{id}", client.delete(upload))


def test_jobs_are_as_described(service: Service) -> None:
    with service.client() as client:
        created = client.post("/api/hearth/jobs", json={"kind": "pull", "model": "127.0.0.1:9/library/sky:1", "insecure": True})
        check_response("/api/hearth/jobs", created)
        job = f"/api/hearth/jobs/{created.json()['id']}"
        check_response("/api/hearth/jobs/{id}/{action}", client.post(f"{job}/cancel"))
        check_response("/api/hearth/jobs/{id}", client.get(job))
        check_response("/api/hearth/jobs/{id}", client.delete(job))
        check_response("/api/hearth/jobs/{id}", client.get(job))


def test_description_that_leaves_a_field_out_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.contract import openapi_document

    described = dict(openapi_document.STRICT["schemas"]["Version"], properties={}, required=[])
    monkeypatch.setitem(openapi_document.STRICT["schemas"], "Version", described)

    with service.client() as client, pytest.raises(jsonschema.ValidationError, match="version"):
        check_response("/api/version", client.get("/api/version"))
