"""Bodies that make no sense, for every endpoint that takes JSON: a 4xx that names what is wrong, or an answer; always JSON."""

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.openapi_document import DOCUMENT
from tests.contract.service import Service
from tests.contract.tiny_service import RANKER, TINY

#: Examples of each endpoint; more by hand.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))
#: Fields that would lead elsewhere, and where they lead in place of it: to a port at which nobody listens.
NOWHERE = "127.0.0.1:9/library/nothing:1"
ELSEWHERE = {
    "/api/pull": "model name",
    "/api/push": "model name",
    "/api/create": "from",
    "/api/hearth/estimate": "model name",
    "/api/hearth/jobs": "model",
    "/api/hearth/registries": "registry",
}


def endpoints() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield (
                    method.upper(),
                    path.replace("{id}", "0123456789abcdef"),
                    content["application/json"]["schema"]["properties"],
                )


ENDPOINTS = list(endpoints())
of_each_endpoint = pytest.mark.parametrize(
    ("method", "path", "fields"), ENDPOINTS, ids=[f"{method} {path}" for method, path, _ in ENDPOINTS]
)


@pytest.fixture(scope="module")
def client(tiny: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=tiny.url, timeout=30) as client:
        yield client


def check(response: httpx.Response) -> None:
    """Never a failure of the server, never something that is no JSON. A registry that is not there is no failure of it."""
    assert response.status_code < 500 or response.status_code in (503, 507) or "registry_error" in response.text, response.text
    kind = response.headers.get("content-type", "")
    if "event-stream" in kind:
        texts = [line[6:] for line in response.text.split("\n") if line.startswith("data: ") and line != "data: [DONE]"]
    else:
        texts = response.text.splitlines() if "ndjson" in kind else [response.text] if response.text else []
    values = [json.loads(text) for text in texts]
    if response.status_code >= 400:
        (refusal,) = values
        message = refusal["error"]["message"] if isinstance(refusal["error"], dict) else refusal["error"]
        assert isinstance(message, str)
        assert len(message) > 5


_words = st.sampled_from(
    ["", TINY, RANKER, "user", "json", "true", "auto", "function", "5m", "-1", "\ud800", "\x00", "模型", "../../etc", "a" * 5000]
)
_numbers = st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(2**63), 0.5, -0.0, 1e308, float("inf"), float("nan")])
_leaves = st.none() | st.booleans() | _numbers | _words | st.text(max_size=20)
_keys = st.sampled_from(
    ["role", "content", "type", "function", "name", "text", "url", "num_ctx", "seed", "stop", "schema", ""]
) | st.text(max_size=5)
values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12
)


def bodies(path: str, fields: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Known fields with values of any kind; the model mostly one that is there."""
    known = "nothing" if path == "/api/delete" else RANKER if "rerank" in path else TINY
    model = st.sampled_from([known] * 4 + ["nothing", 5, None])
    strategies = {name: model if name == "model" else values for name in fields}
    return st.fixed_dictionaries({}, optional=strategies).map(lambda body: led_nowhere(path, body))


def led_nowhere(path: str, body: dict[str, Any]) -> dict[str, Any]:
    for name in ELSEWHERE.get(path, "").split():
        if isinstance(body.get(name), str) and (body[name] != TINY or path in ("/api/pull", "/api/push")):
            body = {**body, name: NOWHERE}
    return body


@of_each_endpoint
def test_fields_of_any_kind(client: httpx.Client, method: str, path: str, fields: dict[str, Any]) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies(path, fields))
    def ask(body: dict[str, Any]) -> None:
        check(client.request(method, path, content=json.dumps(body).encode()))

    ask()


NAME = f'"model":"{TINY}"'
NO_JSON = {
    "nothing": b"",
    "space": b" \n",
    "a text": b'"x"',
    "a number": b"5",
    "a list": b"[]",
    "cut short": b'{"model":"ti',
    "cut after a colon": b'{"model":',
    "not a number": f'{{{NAME},"options":{{"temperature":NaN}}}}'.encode(),
    "infinity": f'{{{NAME},"options":{{"temperature":-Infinity}}}}'.encode(),
    "many digits": b'{"n":' + b"9" * 100_000 + b"}",
    "a large exponent": b'{"n":1e999999}',
    "deep lists": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"options":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "utf-16": '{"model":"nothing"}'.encode("utf-16"),
    "latin-1": '{"model":"é"}'.encode("latin-1"),
    "bytes": bytes(range(256)),
    "half a pair": b'{"model":"\\ud800","\\udc00":"\\ud800"}',
    "a name twice": b'{"model":"nothing","model":5,"MODEL":[],"stream":false}',
    "a long text": b'{"model":"' + b"x" * 3_000_000 + b'"}',
    "many fields": b"{" + b",".join(b'"f%d":%d' % (number, number) for number in range(50_000)) + b"}",
}


@of_each_endpoint
def test_bodies_that_are_no_json_object_of_ours(client: httpx.Client, method: str, path: str, fields: dict[str, Any]) -> None:
    for name, content in NO_JSON.items():
        response = client.request(method, path, content=content)
        check(response)
        assert 400 <= response.status_code < 500, (name, response.text)


#: Kinds of jobs by a field that they have.
KINDS = {"insecure": "pull", "file": "import", "upload": "import", "destination": "optimise", "perplexity_limit": "optimise"}
WRONG = {"string": [5], "integer": "x", "number": "x", "boolean": "x", "array": "x", "object": 5}


@of_each_endpoint
def test_field_of_the_wrong_type_is_named(client: httpx.Client, method: str, path: str, fields: dict[str, Any]) -> None:
    for name, schema in fields.items():
        wrong = WRONG.get(schema.get("type", ""))
        if wrong is None:
            continue
        kind = {"kind": KINDS.get(name, "bench")} if path.endswith("/jobs") else {}
        response = client.request(method, path, json={"model": TINY, **kind, name: wrong})
        check(response)
        if response.status_code not in (200, 404):
            assert (response.status_code, name in response.text) == (400, True), (name, response.text)
