"""A model of gpt-oss's kind through every endpoint. It writes what it was given to write, by the length of the prompt: that a
text comes at all says that the prompt is as long as it should be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inference.library.models import Library
from tests.contract.service import Service
from tests.inference.harmony_models import tokens_of, write_scripted
from tests.inference.library.files import make_model
from tests.inference.prompt.harmony.template import GO, JINJA

THOUGHT = "<|channel|>analysis<|message|>The weather, then.<|end|><|start|>assistant"
SCRIPTS = {
    "plain": f"{THOUGHT}<|channel|>final<|message|>It is <|warm|> in Zürich.",
    "call": f"{THOUGHT}<|channel|>commentary<|message|>I shall look.<|end|><|start|>assistant"
    '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Lima"}<|call|>',
    "call as written": f'{THOUGHT} to=functions.get_weather<|channel|>commentary json<|message|>{{"city": "Lima"}}<|call|>',
    "built-in": '<|channel|>analysis to=browser.search code<|message|>{"query": "weather"}<|call|>',
    "cut off": f'{THOUGHT}<|channel|>commentary to=functions.get_weather<|message|>{{"city": "Li',
}
STARTS = {name: 400 + 200 * index for index, name in enumerate(SCRIPTS)}
ARGUMENTS = {"city": "Lima"}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "parameters": SCHEMA}
TOOLS = [{"type": "function", "function": FUNCTION}]
MODELS = ["speaker:jinja", "speaker:go"]
JINJA_MODEL = MODELS[0]


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("harmony")
    library = Library(folder / "data" / "models")
    scripts = {STARTS[name]: text for name, text in SCRIPTS.items()}
    for name, jinja, extra in ((MODELS[0], JINJA, {}), (MODELS[1], None, {"template": GO.encode()})):
        weights = write_scripted(folder / "model.gguf", scripts, chat_template=jinja).read_bytes()
        make_model(library, name, weights=weights, extra=extra)
    service = Service(folder / "data", OLLAMA_CONTEXT_LENGTH="2048", OLLAMA_NUM_PARALLEL="1").start()
    yield service
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


def question(service: Service, name: str, model: str = JINJA_MODEL, **more: Any) -> dict[str, Any]:
    """A body for `/api/chat` to which the text of that name is the answer."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": ""}]
    body = {"model": model, "messages": messages, "options": {"temperature": 0, "num_predict": 300}} | more
    messages[0]["content"] = "x" * (STARTS[name] - service.post("/api/tokenize", body).json()["count"])
    return body


def whole(service: Service, name: str, model: str = JINJA_MODEL, **more: Any) -> dict[str, Any]:
    response = service.post("/api/chat", {**question(service, name, model, **more), "stream": False})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize("model", MODELS)
def test_model_says_what_it_can(speaker: Service, model: str) -> None:
    shown = speaker.post("/api/show", {"model": model}).json()

    with speaker.client() as client:
        listed = {entry["name"]: entry["capabilities"] for entry in client.get("/api/tags").json()["models"]}
    assert shown["capabilities"] == listed[model] == ["completion", "tools", "thinking"]


@pytest.mark.parametrize(("model", "think"), [(MODELS[0], None), (MODELS[0], False), (MODELS[1], "low"), (MODELS[1], False)])
def test_thinking_and_content_come_apart(speaker: Service, model: str, think: Any) -> None:
    """Whether thinking is wanted or not: these models cannot be stopped from it."""
    response = speaker.post("/api/chat", question(speaker, "plain", model, think=think))

    lines = [json.loads(line) for line in response.text.splitlines()]
    messages = [line["message"] for line in lines]
    assert "".join(message.get("thinking", "") for message in messages) == "The weather, then."
    assert "".join(message["content"] for message in messages) == "It is <|warm|> in Zürich."
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["call", "call as written"])
def test_call_of_a_tool_is_read(speaker: Service, model: str, name: str) -> None:
    answer = whole(speaker, name, model, tools=TOOLS)

    message = answer["message"]
    assert (message["thinking"], message["content"]) == ("The weather, then.", "I shall look." if name == "call" else "")
    assert [call["function"] for call in message["tool_calls"]] == [{"index": 0, "name": "get_weather", "arguments": ARGUMENTS}]


def test_call_of_a_tool_that_nobody_offered_is_thinking(speaker: Service) -> None:
    message = whole(speaker, "built-in", tools=TOOLS)["message"]

    assert message == {"role": "assistant", "content": "", "thinking": '{"query": "weather"}'}


def test_call_that_is_cut_off_is_text(speaker: Service) -> None:
    num_tokens = len(tokens_of(SCRIPTS["cut off"])) - 1

    answer = whole(speaker, "cut off", tools=TOOLS, options={"temperature": 0, "num_predict": num_tokens})

    assert answer["done_reason"] == "length"
    assert answer["message"] == {"role": "assistant", "content": '{"city": "Li', "thinking": "The weather, then."}


def test_format_holds_behind_the_thinking(speaker: Service) -> None:
    message = whole(speaker, "plain", format=SCHEMA)["message"]

    assert message["thinking"] == "The weather, then."
    jsonschema.validate(json.loads(message["content"]), SCHEMA)


def test_level_of_thinking_reaches_the_template(speaker: Service) -> None:
    for think, line in (("low", "low"), ("high", "high"), ("max", "high"), (True, "medium"), (False, "medium"), (None, "medium")):
        body = {"model": JINJA_MODEL, "messages": [{"role": "user", "content": "a"}], "think": think, "_debug_render_only": True}
        text = speaker.post("/api/chat", body).json()["_debug_info"]["rendered_template"]
        assert f"Reasoning: {line}<|end|>" in text


def test_generate_reads_messages_unless_it_is_raw(speaker: Service) -> None:
    prompt = question(speaker, "plain")["messages"][0]["content"]
    body = {"model": JINJA_MODEL, "prompt": prompt, "stream": False, "options": {"temperature": 0}}
    raw = "x" * (STARTS["plain"] - 10) + "<|start|>assistant"

    answer = speaker.post("/api/generate", body).json()
    plain = speaker.post("/api/generate", {**body, "prompt": raw, "raw": True}).json()

    assert (answer["thinking"], answer["response"]) == ("The weather, then.", "It is <|warm|> in Zürich.")
    assert plain["response"] == SCRIPTS["plain"]
    assert "thinking" not in plain


def test_openai_chat_has_all_of_it(speaker: Service) -> None:
    asked = {"model": JINJA_MODEL, "temperature": 0, "max_tokens": 300}
    messages = question(speaker, "plain", think="low")["messages"]
    call = question(speaker, "call", tools=TOOLS)["messages"]

    answer = speaker.post("/v1/chat/completions", {**asked, "messages": messages, "reasoning_effort": "low"}).json()
    called = speaker.post("/v1/chat/completions", {**asked, "messages": call, "tools": TOOLS}).json()
    effort = {"reasoning": {"effort": "minimal"}}
    other = speaker.post("/v1/chat/completions", {**asked, "messages": messages, **effort}).json()

    message = answer["choices"][0]["message"]
    assert (message["reasoning"], message["content"]) == ("The weather, then.", "It is <|warm|> in Zürich.")
    assert other["choices"][0]["message"]["content"] == message["content"]
    assert called["choices"][0]["finish_reason"] == "tool_calls"
    (function,) = [call["function"] for call in called["choices"][0]["message"]["tool_calls"]]
    assert (function["name"], json.loads(function["arguments"])) == ("get_weather", ARGUMENTS)


def test_openai_call_that_is_required_is_made(speaker: Service) -> None:
    messages = question(speaker, "plain", tools=TOOLS)["messages"]
    body = {"model": JINJA_MODEL, "messages": messages, "tools": TOOLS, "tool_choice": "required", "temperature": 0}

    choice = speaker.post("/v1/chat/completions", {**body, "max_tokens": 500}).json()["choices"][0]

    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    jsonschema.validate(json.loads(call["function"]["arguments"]), SCHEMA)


def test_responses_have_all_of_it(speaker: Service) -> None:
    asked = question(speaker, "call", tools=TOOLS, think="low")["messages"][0]["content"]
    body = {"model": JINJA_MODEL, "input": asked, "temperature": 0, "max_output_tokens": 300, "reasoning": {"effort": "low"}}

    answer = speaker.post("/v1/responses", {**body, "tools": [{"type": "function", **FUNCTION}]}).json()

    by_type = {item["type"]: item for item in answer["output"]}
    assert "The weather, then." in json.dumps(by_type["reasoning"])
    assert by_type["message"]["content"][0]["text"] == "I shall look."
    assert json.loads(by_type["function_call"]["arguments"]) == ARGUMENTS


def test_anthropic_messages_have_all_of_it(speaker: Service) -> None:
    asked = question(speaker, "call", tools=TOOLS)["messages"]
    tools = [{"name": "get_weather", "input_schema": SCHEMA}]
    body = {"model": JINJA_MODEL, "messages": asked, "max_tokens": 300, "temperature": 0, "tools": tools}

    answer = speaker.post("/v1/messages", {**body, "thinking": {"type": "enabled", "budget_tokens": 1024}}).json()

    shown = [{key: block[key] for key in ("type", "thinking", "text", "input") if key in block} for block in answer["content"]]
    assert shown == [
        {"type": "thinking", "thinking": "The weather, then."},
        {"type": "text", "text": "I shall look."},
        {"type": "tool_use", "input": ARGUMENTS},
    ]


def test_begun_answer_goes_on_in_its_channel(speaker: Service) -> None:
    begun = {"role": "assistant", "content": "It "}
    body = {"model": JINJA_MODEL, "stream": False, "format": SCHEMA, "options": {"temperature": 0, "num_predict": 300}}

    answer = speaker.post("/api/chat", {**body, "messages": [{"role": "user", "content": "a"}, begun]}).json()

    assert "thinking" not in answer["message"]
    jsonschema.validate(json.loads(answer["message"]["content"]), SCHEMA)


def test_exchange_with_a_tool_goes_on_from_what_was_computed(speaker: Service) -> None:
    """The answer comes back as the model wrote it, thinking and call."""
    body = {**question(speaker, "call as written", tools=TOOLS), "stream": False}
    first = speaker.post("/api/chat", body).json()
    result = {"role": "tool", "tool_name": "get_weather", "content": "21"}

    second = speaker.post("/api/chat", {**body, "messages": [*body["messages"], first["message"], result]}).json()

    computed = first["prompt_eval_count"] + first["eval_count"]
    assert second["hearth"]["cached_tokens"] >= computed - 2
