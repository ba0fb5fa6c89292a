"""TEMPLATE, tools, thinking, infill and context, from HTTP to the parsers, with the real model. What it would not write by
itself, a grammar makes it write."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest

from tests.contract.service import MODEL, Service, lines_of

TEMPLATE = """{{- range $i, $_ := .Messages }}
{{- $last := eq (len (slice $.Messages $i)) 1 }}
{{- if eq .Role "user" }}<|im_start|>user
{{ if and $last $.Tools }}{{ range $.Tools }}{{ . }}
{{ end }}{{ end }}{{ .Content }}<|im_end|>
{{ else if eq .Role "assistant" }}<|im_start|>assistant
{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}
{{- if .ToolCalls }}<tool_call>
{{ range .ToolCalls }}{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{ end }}</tool_call>{{ end }}{{ if not $last }}<|im_end|>
{{ end }}
{{- else if eq .Role "tool" }}<|im_start|>tool {{ .ToolName }}
{{ .Content }}<|im_end|>
{{ end }}
{{- if and $last (ne .Role "assistant") }}<|im_start|>assistant
{{ if eq $.ThinkLevel "high" }}<think>{{ end }}{{ end }}
{{- end }}"""
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
QUESTION = [{"role": "user", "content": "Rain?"}]
MODELS = {
    "caller": TEMPLATE,
    "filler": "{{ if .Suffix }}<PRE>{{ .Prompt }}<SUF>{{ .Suffix }}<MID>{{ else }}{{ .Prompt }}{{ end }}",
}


@pytest.fixture(scope="module")
def models(service: Service) -> Iterator[None]:
    for name, template in MODELS.items():
        created = service.post("/api/create", {"model": name, "from": MODEL, "template": template, "stream": False})
        assert created.json() == {"status": "success"}
    yield
    with service.client() as client:
        for name in MODELS:
            assert client.request("DELETE", "/api/delete", json={"model": name}).status_code == 200


@pytest.fixture
def client(service: Service, models: None) -> Iterator[ollama.Client]:
    client = ollama.Client(host=service.url)
    yield client
    client._client.close()


def forced(text: str) -> dict[str, Any]:
    return {"temperature": 0, "grammar": f"root ::= {json.dumps(text)}"}


def rendered(service: Service, path: str, **body: Any) -> str:
    response = service.post(path, {"model": "caller", "_debug_render_only": True, **body})
    assert response.status_code == 200, response.text
    assert set(response.json()) == {"model", "created_at", "_debug_info"}
    return str(response.json()["_debug_info"]["rendered_template"])


def test_tool_is_called_and_its_result_given_back(service: Service, client: ollama.Client) -> None:
    answer = client.chat("caller", QUESTION, tools=[TOOL], think=False, options=forced(f"I look.{CALL}"))

    (call,) = answer.message.tool_calls or []
    assert (call.function.name, call.function.arguments) == ("get_weather", {"city": "Rome"})
    assert (answer.message.content, answer.done_reason) == ("I look.", "stop")

    messages = [
        *QUESTION,
        answer.message.model_dump(exclude_none=True),
        {"role": "tool", "content": "dry", "tool_name": "get_weather"},
    ]
    assert rendered(service, "/api/chat", messages=messages, tools=[TOOL]).endswith(
        "<|im_start|>assistant\nI look." + CALL.replace('{"city": "Rome"}', '{"city":"Rome"}') + "<|im_end|>\n"
        "<|im_start|>tool get_weather\ndry<|im_end|>\n<|im_start|>assistant\n"
    )


def test_streamed_call_comes_whole_in_one_line_and_its_text_never(service: Service, models: None) -> None:
    body = {"model": "caller", "messages": QUESTION, "tools": [TOOL], "think": False, "options": forced(f"{CALL}")}
    with service.client() as client, client.stream("POST", "/api/chat", json=body) as response:
        lines = list(lines_of(response))

    (call,) = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert re.fullmatch("call_[a-z0-9]{8}", call["id"])
    assert call["function"] == {"index": 0, "name": "get_weather", "arguments": {"city": "Rome"}}
    assert all(line["message"]["content"] == "" for line in lines)
    assert (lines[-1]["done"], lines[-1]["done_reason"], "tool_calls" in lines[-1]["message"]) == (True, "stop", False)


def test_tool_result_finds_its_tool_by_the_id_of_the_call(service: Service, models: None) -> None:
    call = {"id": "call_1", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    messages = [
        *QUESTION,
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "dry", "tool_call_id": "call_1"},
    ]

    text = rendered(service, "/api/chat", messages=messages)

    assert '{"name": "get_weather", "arguments": {"city":"Rome"}}' in text
    assert "<|im_start|>tool get_weather\ndry" in text


def test_tools_reach_the_template(service: Service, models: None) -> None:
    text = rendered(service, "/api/chat", messages=QUESTION, tools=[TOOL])

    assert text == (
        '<|im_start|>user\n{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":'
        '{"city":{"type":"string"}}}}}\nRain?<|im_end|>\n<|im_start|>assistant\n'
    )


def test_no_tool_is_shown_or_called_where_none_is_to_be(service: Service, client: ollama.Client) -> None:
    body = {"model": "caller", "messages": QUESTION, "tools": [TOOL], "tool_choice": "none", "think": False, "stream": False}
    answer = service.post("/api/chat", body | {"options": forced(CALL)}).json()
    earlier = [*QUESTION, {"role": "assistant", "tool_calls": [{"function": {"name": "get_weather", "arguments": {}}}]}]

    assert answer["message"] == {"role": "assistant", "content": CALL}
    assert "get_weather" not in rendered(service, "/api/chat", messages=QUESTION, tools=[TOOL], tool_choice="none")
    assert '"type":"function"' in rendered(service, "/api/chat", messages=[*earlier, *QUESTION], tools=[TOOL], tool_choice="none")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_call_that_is_demanded_comes_and_is_valid(service: Service, models: None, choice: Any) -> None:
    parameters = {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]}
    tools = [{"function": {"name": "get_weather", "parameters": parameters, "strict": True}}, {"function": {"name": "now"}}]
    options = {"temperature": 1.5, "seed": 3, "num_predict": 100}
    body = {"model": "caller", "messages": QUESTION, "tools": tools, "tool_choice": choice, "options": options, "stream": False}

    answer = service.post("/api/chat", body | {"think": False, "parallel_tool_calls": False}).json()

    (call,) = answer["message"]["tool_calls"]
    name, arguments = call["function"]["name"], call["function"]["arguments"]
    if choice != "required":
        assert name == "get_weather"
    assert arguments in ([{"city": "Rome"}, {"city": "Oslo"}] if name == "get_weather" else [{}])
    assert (answer["message"]["content"], answer["done_reason"]) == ("", "stop")


def test_tool_that_cannot_be_kept_to_is_refused_where_that_is_demanded(service: Service, models: None) -> None:
    parameters = {"type": "object", "properties": {"ids": {"type": "array", "uniqueItems": True}}}
    tools = [{"function": {"name": "pick", "parameters": parameters}}]
    body = {"model": "caller", "messages": QUESTION, "tools": tools, "stream": False, "options": {"num_predict": 3}}

    refused = service.post("/api/chat", body | {"tool_choice": "required"})
    free = service.post("/api/chat", body)

    assert (refused.status_code, free.status_code) == (400, 200)
    assert refused.json()["error"].startswith('tools: the parameters of "pick" cannot be kept to: the keyword "uniqueItems"')
    assert free.json()["done_reason"] == "length"


def test_tool_choice_that_is_none_is_refused(service: Service, models: None) -> None:
    for choice, message in (("maybe", 'tool_choice must be "none", "auto"'), ("required", "tool_choice")):
        response = service.post("/api/chat", {"model": "caller", "messages": QUESTION, "tool_choice": choice})

        assert response.status_code == 400
        assert response.json()["error"].startswith(message)


@pytest.mark.parametrize("is_streaming", [True, False])
def test_thinking_is_told_from_content(client: ollama.Client, is_streaming: bool) -> None:
    options = forced("<think>\nIt may.\n</think>\n\nPerhaps.")
    parts: Any = client.chat("caller", QUESTION, options=options, stream=is_streaming)
    parts = list(parts) if is_streaming else [parts]

    assert "".join(part.message.thinking or "" for part in parts) == "It may."
    assert "".join(part.message.content or "" for part in parts) == "Perhaps."
    assert parts[-1].done_reason == "stop"
    generated = client.generate("caller", "Rain?", options=options)
    assert (generated.thinking, generated.response) == ("It may.", "Perhaps.")


def test_thinking_begun_by_the_template_and_grammar_after_it(service: Service, client: ollama.Client) -> None:
    text = rendered(service, "/api/chat", messages=QUESTION, think="high")
    # The model thinks until it is cut off: it was not made to end.
    cut = client.chat("caller", QUESTION, think="high", options={"temperature": 0, "num_predict": 5})

    assert text.endswith("<|im_start|>assistant\n<think>")
    assert (cut.message.content, cut.done_reason) == ("", "length")
    assert cut.message.thinking


def test_thinking_that_is_not_wanted_is_not_parsed(client: ollama.Client) -> None:
    answer = client.chat("caller", QUESTION, think=False, options=forced("<think>a</think>b"))

    assert (answer.message.content, answer.message.thinking) == ("<think>a</think>b", None)


def test_thinking_that_the_template_begins_all_the_same_is_parsed(service: Service, models: None) -> None:
    begun = "{{ range .Messages }}{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}{{ .Content }}{{ end }}<think>\n"
    created = service.post("/api/create", {"model": "muser", "from": MODEL, "template": begun, "stream": False})
    assert created.status_code == 200
    options = {"temperature": 0, "num_predict": 4, "grammar": 'root ::= "Perhaps."'}

    answer = service.post(
        "/api/chat", {"model": "muser", "messages": QUESTION, "think": False, "stream": False, "options": options}
    )

    assert set(answer.json()["message"]) == {"role", "content", "thinking"}
    assert answer.json()["message"]["content"] == ""
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "muser"}).status_code == 200


def test_format_holds_also_for_an_answer_without_thinking(client: ollama.Client) -> None:
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}

    answer = client.chat("caller", QUESTION, format=schema, options={"temperature": 0})

    assert (json.loads(answer.message.content or ""), answer.message.thinking) == ({"a": 1}, None)


def test_logprobs_come_with_parsed_answers(client: ollama.Client) -> None:
    options = forced(f"<think>hm</think>{CALL}")
    lines = list(client.chat("caller", QUESTION, tools=[TOOL], stream=True, logprobs=True, options=options))

    entries = [entry for line in lines for entry in line.logprobs or []]
    assert "".join(entry.token for entry in entries) == f"<think>hm</think>{CALL}"
    assert not lines[-1].logprobs


def test_infill_by_the_template(service: Service, client: ollama.Client) -> None:
    body = {"model": "filler", "prompt": "def add(", "suffix": "return x", "_debug_render_only": True}

    assert service.post("/api/generate", body).json()["_debug_info"] == {"rendered_template": "<PRE>def add(<SUF>return x<MID>"}
    assert (
        client.generate("filler", "def add(", suffix="return x", options={"num_predict": 3, "ignore_eos": True}).eval_count == 3
    )


def test_template_of_a_request_takes_the_models_place(service: Service, client: ollama.Client) -> None:
    body = {
        "model": MODEL,
        "prompt": "Why?",
        "system": "s",
        "template": "{{ .System }}|{{ .Prompt }}|",
        "_debug_render_only": True,
    }

    assert service.post("/api/generate", body).json()["_debug_info"] == {"rendered_template": "s|Why?|"}
    assert (
        client.generate(MODEL, "1, 2, 3,", template="{{ .Prompt }}", options={"num_predict": 3, "temperature": 0}).response
        == " 4,"
    )


def test_prompts_can_be_looked_at_before_they_are_answered(service: Service) -> None:
    chat = service.post("/api/chat", {"model": MODEL, "messages": QUESTION, "_debug_render_only": True}).json()
    raw = service.post("/api/generate", {"model": MODEL, "prompt": "a b", "raw": True, "_debug_render_only": True}).json()

    assert chat["_debug_info"]["rendered_template"].endswith("<|im_start|>user\nRain?<|im_end|>\n<|im_start|>assistant\n")
    assert raw["_debug_info"] == {"rendered_template": "a b"}


def test_context_goes_on_from_an_earlier_answer(service: Service, client: ollama.Client) -> None:
    options = {"temperature": 0, "num_predict": 8}
    first = client.generate(MODEL, "My name is Ada. Say hello.", options=options)
    second = client.generate(MODEL, "And now?", context=first.context, options=options)
    *_, streamed = client.generate(MODEL, "And now?", context=first.context, options=options, stream=True)

    assert first.context
    assert second.context is not None
    assert second.context[: len(first.context)] == first.context
    assert streamed.context == second.context
    assert len(second.context) == second.prompt_eval_count + second.eval_count
    assert client.generate(MODEL, "hi", raw=True, options=options).context is None


def test_context_that_is_too_long_loses_its_beginning(client: ollama.Client) -> None:
    answer = client.generate(MODEL, "And now?", context=[500] * 4000, options={"num_predict": 2})

    assert 512 < (answer.prompt_eval_count or 0) < 1024


def test_capabilities_are_those_of_the_templates(service: Service, models: None) -> None:
    with service.client() as client:
        listed = {model["name"]: model["capabilities"] for model in client.get("/api/tags").json()["models"]}

    assert listed["caller:latest"] == ["completion", "tools", "thinking"]
    assert listed["filler:latest"] == ["completion", "insert"]
    assert listed[MODEL] == ["completion"]


def test_models_with_the_same_weights_share_a_runner(service: Service, client: ollama.Client) -> None:
    for name in ("caller", MODEL, "filler"):
        client.generate(name, "hi", options={"num_predict": 1})

    assert len(client.ps().models) == 1


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([{}], "tools[0] must be an object with function.name"),
        ([TOOL, 5], "tools[1] must be an object with function.name"),
        ([{"function": {"name": ""}}], "tools[0] must be an object with function.name"),
        ([{"function": {"name": "x", "parameters": json.loads("[" * 60 + "]" * 60)}}], "tools[0] is nested too deeply"),
    ],
)
def test_tools_that_are_none_are_refused(service: Service, models: None, tools: list[Any], message: str) -> None:
    response = service.post("/api/chat", {"model": "caller", "messages": QUESTION, "tools": tools})

    assert (response.status_code, response.json()["error"]) == (400, message)


def test_broken_template_of_a_model_is_told(service: Service) -> None:
    template = "{{ range .Messages }}{{ .Nothing }}{{ end }}"
    assert (
        service.post("/api/create", {"model": "broken", "from": MODEL, "template": template, "stream": False}).status_code == 200
    )

    response: httpx.Response = service.post("/api/chat", {"model": "broken", "messages": QUESTION})

    assert response.status_code == 500
    assert response.json()["error"] == "This model's template failed: it asks for the field Nothing of struct."
    with service.client() as client:
        assert client.request("DELETE", "/api/delete", json={"model": "broken"}).status_code == 200
