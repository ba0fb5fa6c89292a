"""What clients really sent, byte by byte as it was captured, and what each of them needs of the answer.

`captures.jsonl` holds requests of ollama-python 0.6.3, langchain-ollama 1.1.0 and Page Assist 1.5.72 to a recording server.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inference.api.body import parse_body
from inference.api.pull import TransferBody
from inference.library.models import Library
from tests.contract.raw import RawAnswer, request_bytes
from tests.contract.service import MODEL, Service
from tests.contract.test_templates import TEMPLATE
from tests.inference.library.files import make_model
from tests.inference.tiny_models import NUM_EMBD, write_llama

CAPTURES = [json.loads(line) for line in (Path(__file__).parent / "captures.jsonl").read_text().splitlines()]
COUNTERS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")
NAME = "fake:latest"


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a small model of random weights for what would take long, and no way to any registry."""
    folder = tmp_path_factory.mktemp("captures")
    weights = write_llama(folder / "tiny.gguf", None, num_ctx=8192).read_bytes()
    make_model(Library(folder / "data" / "models"), "tiny", weights=weights)
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    own = Service(folder / "data", OLLAMA_CONTEXT_LENGTH="8192", OLLAMA_NUM_PARALLEL="1", **nowhere).start()
    yield own
    assert own.stop() == 0
    assert "Traceback" not in own.log.read_text()


@pytest.fixture
def fake(replayed: Service, capture: dict[str, Any]) -> Service:
    """The model that the captures ask for, which some of them delete. It answers in a few words: nobody waits for long. A
    format needs a vocabulary that can write it."""
    is_quick = capture["path"] in ("/api/chat", "/api/generate", "/api/embed", "/api/embeddings")
    weights = "tiny" if is_quick and '"format":{' not in capture["body"] else MODEL
    body = {"model": NAME, "from": weights, "template": TEMPLATE, "parameters": {"num_predict": 6}}
    assert replayed.post("/api/create", {**body, "stream": False}).json() == {"status": "success"}
    assert replayed.post("/api/copy", {"source": NAME, "destination": "y"}).status_code == 200
    with replayed.client() as client:
        client.request("DELETE", "/api/delete", json={"model": "x"})
    return replayed


def check_final(line: dict[str, Any]) -> None:
    assert line["done"] is True
    assert line["done_reason"] in ("length", "stop")
    assert all(isinstance(line[name], int) for name in COUNTERS)
    assert line["model"] == NAME
    assert datetime.fromisoformat(line["created_at"])


def chat(answer: RawAnswer, body: dict[str, Any]) -> None:
    if not body.get("stream", True):
        whole = answer.json()
        check_final(whole)
        assert whole["message"]["role"] == "assistant" and isinstance(whole["message"]["content"], str)
        return
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = answer.lines()
    check_final(lines[-1])
    assert all(isinstance(line["message"]["content"], str) for line in lines)
    text = "".join(line["message"]["content"] + line["message"].get("thinking", "") for line in lines[:-1])
    # Nothing may come where the model says nothing but that it has ended.
    assert text or lines[-1]["eval_count"] == 1
    if body.get("format"):
        text = "".join(line["message"]["content"] for line in lines)
        assert text.lstrip().startswith("{")


def generate(answer: RawAnswer, body: dict[str, Any]) -> None:
    lines = answer.lines() if body["stream"] else [answer.json()]
    check_final(lines[-1])
    assert all(isinstance(line["response"], str) for line in lines)
    assert all(isinstance(token, int) for token in lines[-1]["context"])


def embed(answer: RawAnswer, body: dict[str, Any]) -> None:
    embeddings = answer.json()["embeddings"]
    assert len(embeddings) == len(body["input"])
    assert all(isinstance(number, float | int) for vector in embeddings for number in vector)


def embeddings(answer: RawAnswer, body: dict[str, Any]) -> None:
    assert len(answer.json()["embedding"]) == NUM_EMBD


def tags(answer: RawAnswer, body: None) -> None:
    models = {model["name"]: model for model in answer.json()["models"]}
    assert models[NAME]["model"] == NAME
    assert re.fullmatch("[0-9a-f]{64}", models[NAME]["digest"])
    assert isinstance(models[NAME]["size"], int)
    assert models[NAME]["details"]["families"] == ["llama"]
    assert datetime.fromisoformat(models[NAME]["modified_at"])


def running(answer: RawAnswer, body: None) -> None:
    for model in answer.json()["models"]:
        assert model["name"] == model["model"]
        assert datetime.fromisoformat(model["expires_at"])
        assert {"digest", "size", "size_vram", "context_length", "details"} <= set(model)


def show(answer: RawAnswer, body: dict[str, Any]) -> None:
    shown = answer.json()
    assert "completion" in shown["capabilities"]
    assert shown["model_info"]["llama.context_length"] == 8192
    assert re.search(r"^num_predict +6$", shown["parameters"], re.MULTILINE)


def pull(answer: RawAnswer, body: dict[str, Any]) -> None:
    """No registry can be reached here: that a pull begins is what is seen. Leaving ends it."""
    assert next(answer.chunks()) == b'{"status":"pulling manifest"}\n'


def push(answer: RawAnswer, body: dict[str, Any]) -> None:
    """Of a model that is not there."""
    assert answer.status == 404
    assert answer.json()["error"] == "model 'x' not found"


def success(answer: RawAnswer, body: dict[str, Any]) -> None:
    assert answer.json() == {"status": "success"}


def nothing(answer: RawAnswer, body: dict[str, Any]) -> None:
    assert answer.body() == b""


def root(answer: RawAnswer, body: None) -> None:
    assert answer.body() == b"Ollama is running"


def version(answer: RawAnswer, body: None) -> None:
    """Open WebUI reads numbers between the points; Codex needs 0.13.4 of an Ollama, VS Code's Copilot 0.6.4."""
    numbers = answer.json()["version"].split(".")
    assert all(part.isdecimal() for part in numbers)
    assert [int(part) for part in numbers] >= [0, 13, 4]


def unknown(answer: RawAnswer, body: None) -> None:
    assert (answer.status, answer.body()) == (404, b"404 page not found")


CHECKS: dict[str, Callable[[RawAnswer, Any], None]] = {
    "/": root,
    "/api/version": version,
    "/api/tags": tags,
    "/api/ps": running,
    "/api/show": show,
    "/api/chat": chat,
    "/api/generate": generate,
    "/api/embed": embed,
    "/api/embeddings": embeddings,
    "/api/pull": pull,
    "/api/push": push,
    "/api/create": success,
    "/api/copy": nothing,
    "/api/delete": nothing,
    "/nope": unknown,
}
#: What is not there.
FAILING = {"/api/push", "/nope"}


def is_pull_at_once(capture: dict[str, Any]) -> bool:
    """It is answered at its end, when the registry has been tried again and again: only how it is read can be seen."""
    return capture["path"] == "/api/pull" and '"stream":false' in capture["body"]


REPLAYED = [capture for capture in CAPTURES if not is_pull_at_once(capture)]


@pytest.mark.parametrize("capture", REPLAYED, ids=[f"{n}-{c['client']}-{c['path']}" for n, c in enumerate(REPLAYED)])
def test_captured_request_gets_what_its_client_needs(fake: Service, capture: dict[str, Any]) -> None:
    content = request_bytes(capture["method"], capture["path"], capture["headers"], capture["body"])
    body = json.loads(capture["body"]) if capture["body"] else None
    with RawAnswer(fake, content) as answer:
        if capture["path"] not in FAILING:
            assert answer.status == 200
        CHECKS[capture["path"]](answer, body)


def test_captured_pull_that_waits_for_its_end_is_read() -> None:
    (capture,) = filter(is_pull_at_once, CAPTURES)
    body = parse_body(capture["body"].encode(), TransferBody)

    assert (body.asked_model, body.stream, body.insecure) == (NAME, False, False)
