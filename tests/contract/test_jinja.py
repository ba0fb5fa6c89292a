"""What the Jinja template and the tokens in a model's file are used for, where there is no TEMPLATE."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.service import Service
from tests.inference.tiny_models import VOCABULARY, write_llama

JINJA = (
    "{% for tool in tools or [] %}<tool>{{ tool | tojson }}</tool>{% endfor %}"
    "{% for message in messages %}[{{ message.role }}]{{ message.content }}"
    "{% for call in message.tool_calls or [] %}({{ call.function.name }} {{ call.function.arguments.city }}){% endfor %}"
    "{% endfor %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% else %}<think>{% endif %}{{ reasoning_effort }}"
)
TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
QUESTION = [{"role": "user", "content": "a"}]


@pytest.fixture(scope="module")
def model(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = write_llama(tmp_path_factory.mktemp("jinja") / "m.gguf", None, chat_template=JINJA, infill_tokens=(6, 7, 8))
    _create(service, "jinja", path)
    yield "jinja"
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "jinja"}).status_code == 200


def _create(service: Service, name: str, path: Path, **more: Any) -> None:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with service.client() as client:
        assert client.post(f"/api/blobs/{digest}", content=content).status_code == 201
    response = service.post("/api/create", {"model": name, "files": {path.name: digest}, "stream": False, **more})
    assert response.json() == {"status": "success"}


def rendered(service: Service, path: str, **body: Any) -> str:
    response = service.post(path, {"model": "jinja", "_debug_render_only": True, **body})
    assert response.status_code == 200, response.text
    return str(response.json()["_debug_info"]["rendered_template"])


def test_capabilities_are_told_from_the_file(service: Service, model: str) -> None:
    assert service.post("/api/show", {"model": model}).json()["capabilities"] == ["completion", "insert", "tools", "thinking"]


@pytest.mark.parametrize(
    ("think", "ending"), [(None, "<think>"), (True, "<think>"), ("max", "<think>high"), (False, "<think></think>")]
)
def test_think_reaches_the_template(service: Service, model: str, think: bool | str | None, ending: str) -> None:
    assert rendered(service, "/api/chat", messages=QUESTION, think=think) == f"[user]a{ending}"
    assert rendered(service, "/api/generate", prompt="a", think=think) == f"[user]a{ending}"


def test_tools_and_calls_reach_the_template(service: Service, model: str) -> None:
    call = {"function": {"name": "look", "arguments": {"city": "Rome"}}}
    messages = [*QUESTION, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "dry"}]

    text = rendered(service, "/api/chat", messages=messages, tools=[TOOL])

    assert text == (
        '<tool>{"type": "function", "function": {"name": "look", "parameters": {}}}</tool>[user]a'
        "[assistant](look Rome)[tool]dry<think>"
    )


def test_infill_by_the_tokens_of_the_file(service: Service, model: str) -> None:
    words = [word.removeprefix("\u2581") for word in VOCABULARY]

    text = rendered(service, "/api/generate", prompt=words[10], suffix=words[11])

    marks = [text.find(words[token]) for token in (6, 10, 7, 11, 8)]
    assert -1 not in marks
    assert marks == sorted(marks)
    answer = service.post(
        "/api/generate", {"model": model, "prompt": "a", "suffix": "b", "options": {"num_predict": 2}, "stream": False}
    )
    assert answer.json()["prompt_eval_count"] >= 5
