"""The rules that clients depend on, one test each; what is said of streams is seen on raw sockets.

Each was found in the source or on the wire of a client that breaks without it: Page Assist, LobeChat, ollama-js, Continue,
LangChain, llama-index, Open WebUI.
"""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.raw import RawAnswer, ask
from tests.contract.service import MODEL, Service, chat_body, endless_body, until
from tests.contract.test_templates import CALL, TEMPLATE, TOOL, forced
from tests.docker_registry import random_bytes, running_registry

SHORT = {"num_predict": 6, "temperature": 0, "seed": 1}
#: Tokens that come fast share a line; of so many, the fastest machine makes several.
LONG = {"num_predict": 200, "ignore_eos": True}
COUNTERS = ("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration")


@pytest.fixture(scope="module")
def ruled(service: Service) -> Iterator[str]:
    """A model that calls tools and thinks."""
    assert service.post("/api/create", {"model": "ruled", "from": MODEL, "template": TEMPLATE, "stream": False}).is_success
    yield "ruled"
    with service.client() as client:
        client.request("DELETE", "/api/delete", json={"model": "ruled"})


def stream(service: Service, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    with ask(service, "POST", path, body) as answer:
        assert answer.status == 200
        return answer.lines()


def generate_body(**changes: Any) -> dict[str, Any]:
    return {"model": MODEL, "prompt": "Say hello.", "options": SHORT, **changes}


@pytest.mark.parametrize(
    ("path", "body"), [("/api/chat", chat_body(options=LONG)), ("/api/generate", generate_body(options=LONG))]
)
def test_rule_1_each_line_is_an_object_with_its_end_and_comes_when_it_is_made(
    service: Service, path: str, body: dict[str, Any]
) -> None:
    with ask(service, "POST", path, body) as answer:
        chunks = list(answer.chunks())

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert len(chunks) > 3
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    lines = [json.loads(line) for chunk in chunks for line in chunk.splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]


@pytest.mark.parametrize(("path", "body"), [("/api/chat", chat_body(options=SHORT)), ("/api/generate", generate_body())])
def test_rule_2_last_line_has_no_text(service: Service, path: str, body: dict[str, Any]) -> None:
    *lines, last = stream(service, path, body)

    text = [line["message"]["content"] if "message" in line else line["response"] for line in [*lines, last]]
    assert all(text[:-1])
    assert text[-1] == ""


def test_rule_3_every_line_of_a_chat_has_a_message(service: Service) -> None:
    lines = stream(service, "/api/chat", chat_body(options=SHORT))

    assert all(line["message"]["role"] == "assistant" and isinstance(line["message"]["content"], str) for line in lines)


@pytest.mark.parametrize(("path", "body"), [("/api/chat", chat_body(options=SHORT)), ("/api/generate", generate_body())])
def test_rule_4_last_line_has_the_reason_and_all_counters(service: Service, path: str, body: dict[str, Any]) -> None:
    last = stream(service, path, body)[-1]

    assert last["done_reason"] == "length"
    assert all(isinstance(last[name], int) for name in COUNTERS)
    assert last["eval_count"] == 6
    assert last["total_duration"] >= last["eval_duration"] > 0


def test_rule_5_streams_end_with_done_or_success(service: Service, ruled: str) -> None:
    copied = stream(service, "/api/create", {"model": ruled, "from": MODEL, "template": TEMPLATE})
    loaded = ask(service, "POST", "/api/chat", {"model": MODEL, "messages": []})
    with loaded:
        assert loaded.json()["done"] is True

    assert copied[-1] == {"status": "success"}
    assert stream(service, "/api/chat", chat_body(options={"num_predict": 0}))[-1]["done"] is True


def test_rule_6_failure_in_mid_stream_is_a_line_and_an_end_in_order(own_service: Service) -> None:
    own_service.start()
    with ask(own_service, "POST", "/api/chat", endless_body()) as answer:
        chunks = answer.chunks()
        next(chunks)
        own_service.runners()[0].kill()
        *_, last = chunks

    assert last.endswith(b"\n")
    assert json.loads(last)["error"].endswith(".")
    assert "done" not in json.loads(last)


def test_rule_6_failure_before_the_first_line_has_a_status(service: Service) -> None:
    with ask(service, "POST", "/api/chat", chat_body("word " * 5000, truncate=False)) as answer:
        assert answer.status == 400
        assert set(answer.json()) == {"error", "code"}


#: An answer that has begun and that nothing may go on with: the letter of its end is forbidden.
BLOCKED = {"temperature": 0, "logit_bias": {"\u2184": False}}
BLOCKED_SCHEMA = {"enum": ["blue sky \u2184"]}
BLOCKED_BODIES = [
    ("/api/chat", chat_body(format=BLOCKED_SCHEMA, options=BLOCKED)),
    ("/api/generate", {"model": MODEL, "prompt": "x", "format": BLOCKED_SCHEMA, "options": BLOCKED}),
    (
        "/v1/chat/completions",
        chat_body(
            response_format={"type": "json_schema", "json_schema": {"name": "sky", "schema": BLOCKED_SCHEMA}}, options=BLOCKED
        ),
    ),
]


@pytest.mark.parametrize(("path", "body"), BLOCKED_BODIES)
def test_rule_6_format_that_cannot_be_completed_has_a_status(service: Service, path: str, body: dict[str, Any]) -> None:
    with ask(service, "POST", path, {**body, "stream": False}) as answer:
        assert answer.status == 400
        error = answer.json()["error"]

    assert "cannot be completed as its format" in (error["message"] if isinstance(error, dict) else error)


def written_in(line: str) -> str:
    """The text of a line of a stream, Ollama's or OpenAI's."""
    found = json.loads(line.removeprefix("data: "))
    if "choices" in found:
        return found["choices"][0]["delta"].get("content") or ""
    return found["message"]["content"] if "message" in found else found["response"]


@pytest.mark.parametrize(("path", "body"), BLOCKED_BODIES)
def test_rule_6_format_that_cannot_be_completed_ends_its_stream_with_an_error(
    service: Service, path: str, body: dict[str, Any]
) -> None:
    with ask(service, "POST", path, {**body, "stream": True}) as answer:
        assert answer.status == 200
        text = b"".join(answer.chunks()).decode()

    *begun, last = filter(None, text.splitlines())
    assert "".join(map(written_in, begun)).startswith('"blue sky'), "the answer came before"
    assert "cannot be completed as its format" in last
    assert '"stop"' not in text and "[DONE]" not in text and '"done":true' not in text


def test_rule_7_unknown_model_is_404_with_the_same_text_everywhere(service: Service) -> None:
    texts = []
    for path in ("/api/chat", "/api/generate", "/api/embed", "/api/show"):
        with ask(service, "POST", path, {"model": "nothing", "prompt": "x", "input": "x"}) as answer:
            assert answer.status == 404
            texts.append(answer.json()["error"])

    assert set(texts) == {"model 'nothing' not found"}


def test_rule_8_tool_call_is_whole_in_one_line_with_arguments_as_an_object(service: Service, ruled: str) -> None:
    body = {"model": ruled, "messages": [{"role": "user", "content": "Rain?"}], "tools": [TOOL], "think": False}
    lines = stream(service, "/api/chat", {**body, "options": forced(CALL)})

    *_, calling, last = lines
    (call,) = calling["message"]["tool_calls"]
    assert call["function"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Rome"}}
    assert [line for line in lines if "tool_calls" in line["message"]] == [calling]
    assert (last["done"], last["message"]) == (True, {"role": "assistant", "content": ""})


def test_rule_9_thinking_is_beside_the_content(service: Service, ruled: str) -> None:
    body = {"model": ruled, "messages": [{"role": "user", "content": "Rain?"}], "think": "high", "options": SHORT}
    # With "high", the template itself begins the thinking.
    lines = stream(service, "/api/chat", body)

    assert "".join(line["message"].get("thinking", "") for line in lines)
    assert all(line["message"]["content"] == "" for line in lines)


def test_rule_10_error_of_a_whole_answer_is_an_object_with_its_type(service: Service) -> None:
    for path in ("/api/chat", "/api/generate", "/api/embed", "/api/show", "/api/copy", "/api/create", "/api/pull"):
        body = {"model": "m@d", "source": "m@d", "input": "x", "stream": False}
        with ask(service, "POST", path, body) as answer:
            assert answer.status == 400
            assert answer.headers["content-type"].startswith("application/json")
            assert isinstance(answer.json()["error"], str)


def test_rule_11_progress_of_a_pull_comes_line_by_line_and_not_too_often(service: Service, tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        registry.push("library/small", "latest", {"model": random_bytes(300_000)}, b'{"model_format":"gguf"}')
        name = f"{registry.host}/library/small"
        with ask(service, "POST", "/api/pull", {"model": name, "insecure": True}) as answer:
            chunks = list(answer.chunks())
        with ask(service, "DELETE", "/api/delete", {"name": name}) as answer:
            assert answer.status == 200

    assert all(chunk.count(b"\n") == 1 and chunk.endswith(b"\n") for chunk in chunks)
    lines = [json.loads(chunk) for chunk in chunks]
    assert lines[0] == {"status": "pulling manifest"}
    assert lines[-1] == {"status": "success"}
    # Each state of a layer once, or ten times a second while it comes.
    assert len(lines) < 20


@pytest.mark.parametrize("is_streaming", [True, False])
def test_rule_12_closed_connection_ends_the_work(service: Service, is_streaming: bool) -> None:
    service.post("/api/chat", {"model": MODEL})
    (runner,) = service.runners()

    def busy_time() -> float:
        return float(runner.cpu_times().user)

    def is_at_rest() -> bool:
        """The step that is computed while the client leaves may be long on a busy machine."""
        seen = busy_time()
        threading.Event().wait(0.2)
        return busy_time() - seen < 0.03

    content = json.dumps(endless_body(stream=is_streaming)).encode()
    before, num_aborted = busy_time(), aborted(service)
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        until(lambda: busy_time() > before + 0.2)

    until(lambda: aborted(service) == num_aborted + 1, 10)
    assert until(is_at_rest, 10)


def aborted(service: Service) -> float:
    """How many answers were given up."""
    with service.client() as client:
        text = client.get("/metrics").text
    line = next((line for line in text.splitlines() if line.startswith("hearth_answers_total") and '"abort"' in line), "x 0")
    return float(line.split()[-1])


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/chat", {"messages": []}), ("/api/generate", {"prompt": ""})],
)
def test_rule_13_nothing_to_say_loads_and_with_no_keep_alive_unloads(service: Service, path: str, body: dict[str, Any]) -> None:
    for changes, reason in (({}, "load"), ({"keep_alive": 0}, "unload"), ({"keep_alive": "5m"}, "load")):
        with ask(service, "POST", path, {"model": MODEL, **body, **changes}) as answer:
            line = answer.json()
        assert (line["done"], line["done_reason"]) == (True, reason)
        assert line.get("response", line.get("message", {}).get("content")) == ""


def test_rule_14_name_with_or_without_latest_as_model_or_name(service: Service, ruled: str) -> None:
    for field in ("model", "name"):
        for name in ("ruled", "ruled:latest", "Ruled"):
            for path in ("/api/show", "/api/chat", "/api/generate", "/api/embed"):
                body = {field: name, "keep_alive": "5m"}
                with ask(service, "POST", path, body) as answer:
                    assert answer.status == 200, (path, body, answer.body())
            with ask(service, "POST", "/api/copy", {"source": name, "destination": "gone"}) as answer:
                assert answer.status == 200
            with ask(service, "DELETE", "/api/delete", {field: "gone:latest"}) as answer:
                assert answer.status == 200


def test_raw_answer_tells_an_answer_that_is_cut_off(service: Service) -> None:
    """What the rules are checked with must see what they forbid."""
    with ask(service, "POST", "/api/chat", endless_body()) as answer:
        chunks = answer.chunks()
        next(chunks)
        answer.connection.shutdown(2)
        with pytest.raises((AssertionError, OSError)):
            list(chunks)
    assert isinstance(answer, RawAnswer)
