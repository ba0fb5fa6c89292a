"""The wire as clients depend on it: line ends, fields, types, and what Hearth adds."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from inference.version import OLLAMA_VERSION, VERSION
from tests.contract.raw import RawAnswer, request_bytes
from tests.contract.service import MODEL, Service, chat_body, contents

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z\Z")
SHORT = {"num_predict": 6, "temperature": 0, "seed": 1}
#: Tokens that come fast share a line; of so many, the fastest machine makes several.
LONG = {"num_predict": 200, "ignore_eos": True}
COUNTERS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")


def stream(service: Service, path: str, body: dict[str, Any]) -> tuple[httpx.Response, list[dict[str, Any]]]:
    response = service.post(path, body)
    assert response.status_code == 200, response.text
    assert response.content.endswith(b"\n")
    return response, [json.loads(line) for line in response.content.split(b"\n")[:-1]]


def test_root_version_and_tags(service: Service) -> None:
    with service.client() as client:
        assert client.get("/").text == "Ollama is running"
        assert [client.head(path).status_code for path in ("/", "/api/version", "/api/tags")] == [200, 200, 200]
        assert client.get("/api/version").json() == {"version": OLLAMA_VERSION, "hearth": VERSION}
        (model,) = client.get("/api/tags").json()["models"]

    assert (model["name"], model["model"]) == (MODEL, MODEL)
    assert re.fullmatch("[0-9a-f]{64}", model["digest"])
    assert TIMESTAMP.match(model["modified_at"])
    assert model["size"] > 98_000_000
    assert model["details"] == {
        "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"],
        "parameter_size": "134.52M", "quantization_level": "Q4_1", "context_length": 8192, "embedding_length": 576,
    }  # fmt: skip
    assert model["capabilities"] == ["completion"]
    assert re.fullmatch("sha256:[0-9a-f]{64}", model["hearth"]["weights"])


def test_chat_streams_one_object_a_line_and_no_text_in_the_last(service: Service) -> None:
    response, lines = stream(service, "/api/chat", chat_body(options=LONG))

    assert response.headers["content-type"] == "application/x-ndjson"
    assert all(line["model"] == MODEL and TIMESTAMP.match(line["created_at"]) for line in lines)
    assert all(line["message"]["role"] == "assistant" for line in lines)
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert all(line["message"]["content"] and "done_reason" not in line for line in lines[:-1])
    assert len(lines) > 3
    final = lines[-1]
    assert (final["message"]["content"], final["done_reason"], final["eval_count"]) == ("", "length", 200)
    assert all(isinstance(final[name], int) for name in COUNTERS)
    assert final["total_duration"] >= final["eval_duration"] > 0
    assert final["prompt_eval_count"] > 10
    assert set(final["hearth"]) == {"cached_tokens", "dropped_tokens"}


def test_chat_answers_whole_with_the_same_text(service: Service) -> None:
    _, lines = stream(service, "/api/chat", chat_body(options=SHORT))
    response = service.post("/api/chat", chat_body(options=SHORT, stream=False))

    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["message"] == {"role": "assistant", "content": contents(lines)}
    assert response.json()["done"] is True
    assert response.json()["hearth"]["cached_tokens"] > 0


def test_generate_streams_and_answers_whole(service: Service) -> None:
    body = {"model": MODEL, "prompt": "Count to five.", "options": SHORT}
    _, lines = stream(service, "/api/generate", body)
    whole = service.post("/api/generate", {**body, "stream": False}).json()

    assert "".join(line["response"] for line in lines) == whole["response"] != ""
    assert lines[-1]["response"] == ""
    assert all("message" not in line for line in lines)
    assert (whole["done"], whole["done_reason"]) == (True, "length")
    assert all(isinstance(whole[name], int) for name in COUNTERS)


def test_raw_prompt_goes_to_the_model_untouched(service: Service) -> None:
    options = {"num_predict": 1, "temperature": 0}
    raw = service.post(
        "/api/generate", {"model": MODEL, "prompt": "One two three", "raw": True, "stream": False, "options": options}
    )
    plain = service.post("/api/generate", {"model": MODEL, "prompt": "One two three", "stream": False, "options": options})

    assert raw.json()["prompt_eval_count"] < 6
    assert plain.json()["prompt_eval_count"] > 20


def test_system_prompt_of_the_request_replaces_the_models(service: Service) -> None:
    options = {"num_predict": 1, "temperature": 0}
    counts = [
        service.post(
            "/api/generate", {"model": MODEL, "prompt": "hi", "system": system, "stream": False, "options": options}
        ).json()["prompt_eval_count"]
        for system in ("", "Talk.", "Talk like an old sailor who has seen every harbour of the world.")
    ]

    assert counts[1] < counts[0] < counts[2] + 20
    assert counts[2] > counts[1] + 8


def test_stop_string_of_the_request_ends_the_answer_before_it(service: Service) -> None:
    options = {"num_predict": 40, "temperature": 0}
    text = service.post("/api/chat", chat_body("Count: one, two,", stream=False, options=options)).json()["message"]["content"]
    word = text.split()[3]
    answer = service.post("/api/chat", chat_body("Count: one, two,", stream=False, options={**options, "stop": [word]})).json()

    assert answer["done_reason"] == "stop"
    assert word not in answer["message"]["content"]
    assert text.startswith(answer["message"]["content"])


def test_same_seed_gives_the_same_text_and_another_does_not(service: Service) -> None:
    def answer(seed: int) -> str:
        options = {"num_predict": 3, "temperature": 1.5, "seed": seed}
        text = service.post("/api/chat", chat_body(stream=False, options=options)).json()["message"]["content"]
        return str(text)

    assert answer(7) == answer(7)
    assert len({answer(seed) for seed in range(8, 14)}) > 1


@pytest.mark.parametrize("body", [{"model": MODEL}, {"model": MODEL, "messages": []}, {"name": MODEL, "stream": False}])
def test_chat_without_messages_loads(service: Service, body: dict[str, Any]) -> None:
    response = service.post("/api/chat", body)
    answer = response.json()
    del answer["created_at"]

    assert answer == {"model": MODEL, "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"}
    assert response.headers["content-type"] == "application/json; charset=utf-8"


def test_unload_and_load_are_seen_in_ps(service: Service) -> None:
    unloaded = service.post("/api/generate", {"model": MODEL, "prompt": "", "keep_alive": 0}).json()
    with service.client() as client:
        assert client.get("/api/ps").json() == {"models": []}
        loaded = service.post("/api/generate", {"model": MODEL, "keep_alive": "10m"}).json()
        (model,) = client.get("/api/ps").json()["models"]

    assert (unloaded["done_reason"], unloaded["done"], unloaded["response"]) == ("unload", True, "")
    assert (loaded["done_reason"], loaded["done"], loaded["response"]) == ("load", True, "")
    assert (model["name"], model["model"], model["context_length"], model["size_vram"]) == (MODEL, MODEL, 1024, 0)
    assert model["size"] > 90_000_000
    expires_in = datetime.fromisoformat(model["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=9) < expires_in <= timedelta(minutes=10)


def test_model_kept_for_ever_expires_in_some_three_hundred_years(service: Service) -> None:
    service.post("/api/chat", {"model": MODEL, "keep_alive": -1})
    with service.client() as client:
        (model,) = client.get("/api/ps").json()["models"]
    service.post("/api/chat", {"model": MODEL, "keep_alive": "5m"})

    assert 2310 < datetime.fromisoformat(model["expires_at"]).year < 2330


@pytest.mark.parametrize("name", ["SmolLM2:135M", "library/smollm2:135m", "registry.ollama.ai/library/smollm2:135m"])
def test_every_spelling_of_a_name_is_the_same_model(service: Service, name: str) -> None:
    response = service.post("/api/chat", chat_body(model=name, stream=False, options={"num_predict": 1}))

    assert (response.status_code, response.json()["model"]) == (200, name)


def test_content_type_does_not_matter(service: Service) -> None:
    content = json.dumps(chat_body(stream=False, options={"num_predict": 1})).encode()
    with service.client() as client:
        for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}):
            assert client.post("/api/chat", content=content, headers=headers).json()["done"] is True


def test_unix_socket_answers_whatever_the_host_header(service: Service) -> None:
    assert service.socket_path.stat().st_mode & 0o777 == 0o600
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(service.socket_path)), base_url="http://hearth") as client:
        assert client.get("/api/version").json() == {"version": OLLAMA_VERSION, "hearth": VERSION}


def test_events_are_sent_only_to_those_who_ask(service: Service) -> None:
    service.post("/api/chat", {"model": MODEL, "keep_alive": 0})
    _, lines = stream(
        service, "/api/chat", chat_body("word " * 540, options={"num_predict": 2}, hearth={"events": True, "client": "a"})
    )
    events = [line for line in lines if "event" in line]
    _, plain = stream(service, "/api/chat", chat_body("other", options={"num_predict": 2}))

    assert lines[: len(events)] == events
    assert {event["event"] for event in events} >= {"loading", "prompt"}
    assert all(0 <= event["fraction"] <= 1 for event in events if event["event"] == "loading")
    assert all(0 < event["completed"] <= event["total"] for event in events if event["event"] == "prompt")
    assert all("event" not in line for line in plain)


def test_dropped_tokens_are_reported(service: Service) -> None:
    messages = [{"role": role, "content": "word " * 200} for role in ("user", "assistant") * 3]
    body = {
        "model": MODEL,
        "messages": [*messages, {"role": "user", "content": "hi"}],
        "stream": False,
        "options": {"num_predict": 1},
    }
    answer = service.post("/api/chat", body).json()

    assert answer["hearth"]["dropped_tokens"] > 200
    assert answer["prompt_eval_count"] <= 1024


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_logprobs_have_ollamas_shape_in_a_stream_and_in_one_object(service: Service, path: str) -> None:
    body = {**chat_body(options=SHORT), "prompt": "Say hello.", "logprobs": True, "top_logprobs": 2}

    _response, lines = stream(service, path, body)
    whole = service.post(path, {**body, "stream": False}).json()

    streamed = [entry for line in lines for entry in line.get("logprobs", [])]
    assert [entry["token"] for entry in streamed] == [entry["token"] for entry in whole["logprobs"]]
    text = whole["message"]["content"] if path == "/api/chat" else whole["response"]
    assert bytes(byte for entry in whole["logprobs"] for byte in entry["bytes"]).decode() == text
    for entry in whole["logprobs"]:
        assert set(entry) == {"token", "logprob", "bytes", "top_logprobs"}
        assert all(set(other) == {"token", "logprob", "bytes"} for other in entry["top_logprobs"])
    plain = service.post(path, {**body, "logprobs": False, "stream": False}).json()
    assert "logprobs" not in plain


def test_format_json_and_grammar_shape_the_answer(service: Service) -> None:
    asked = chat_body("Describe a person as JSON with name, age and city.", stream=False, options={"temperature": 0})

    anything = service.post("/api/chat", {**asked, "format": "json"}).json()
    chosen = service.post("/api/chat", {**asked, "options": {"grammar": 'root ::= "cat" | "dog"'}}).json()

    assert isinstance(json.loads(anything["message"]["content"]), dict)
    assert chosen["message"]["content"] in ("cat", "dog")
    assert chosen["done_reason"] == "stop"


def test_java_client_that_offers_http2_is_answered(service: Service) -> None:
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAAAAAMAAAAA"}
    body = json.dumps(chat_body(stream=False, options={"num_predict": 1}))
    headers = {"Host": f"127.0.0.1:{service.port}", **offer, "Content-Length": str(len(body))}
    with RawAnswer(service, request_bytes("POST", "/api/chat", headers, body)) as answer:
        assert (answer.status, answer.json()["done"]) == (200, True)
