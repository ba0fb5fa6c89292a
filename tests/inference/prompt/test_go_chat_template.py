import pytest

from inference.errors import EngineError
from inference.prompt.go_chat_template import GoChatTemplate, collate
from inference.runner.messages import ChatMessage, ChatPrompt
from tests.inference.prompt import go_templates

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a place",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Where <it> is", "minLength": 1},
                "days": {"type": ["integer", "null"], "enum": [1, 2]},
            },
            "required": ["city"],
        },
    },
}
WEATHER_JSON = (
    '{"type":"function","function":{"name":"get_weather","description":"Weather of a place","parameters":{"type":"object",'
    '"required":["city"],"properties":{"city":{"type":"string","description":"Where \\u003cit\\u003e is","minLength":1},'
    '"days":{"type":["integer","null"],"enum":[1,2]}}}}}'
)
CALL = {"id": "call_1", "function": {"name": "get_weather", "arguments": {"city": "Rome", "amount": {"z": 1, "a": 2}}}}


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage("assistant", text)


SYSTEM = ChatMessage("system", "be brief")


def render(source: str, *messages: ChatMessage, **wishes: object) -> str:
    prompt = ChatPrompt(list(messages), **wishes)  # type: ignore[arg-type]
    return GoChatTemplate(source).render(prompt, prompt.messages)


@pytest.mark.parametrize(
    "source",
    [
        "[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }}[/INST] ",
        "[INST] {{ if .System }}{{ .System }}\n\n{{ end }}{{ .Prompt }}[/INST] {{ .Response }}",
        '{{- range $i, $m := .Messages }}{{ if eq .Role "user" }}[INST] {{ if and (eq $i 0) $.System }}{{ $.System }}\n\n'
        '{{ end }}{{ .Content }}[/INST] {{ else if eq .Role "assistant" }}{{ .Content }}{{ end }}{{ end }}',
    ],
    ids=["no response", "response", "messages"],
)
def test_turns_are_the_same_in_old_and_new_templates(source: str) -> None:
    turns = (user("Hello friend!"), assistant("Hello human!"), user("What is your name?"))

    assert render(source, *turns) == "[INST] Hello friend![/INST] Hello human![INST] What is your name?[/INST] "


def test_old_template_ends_where_the_answer_stands() -> None:
    text = render(go_templates.CHATML_LEGACY, SYSTEM, user("a"), assistant("b"), user("c"))

    assert text == (
        "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
        "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"
    )


def test_answer_that_was_begun_is_continued_without_a_closing_token() -> None:
    turns = (user("Hi"), assistant("Once upon"))

    old, new = render(go_templates.CHATML_LEGACY, *turns), render(go_templates.QWEN_TOOLS, *turns)

    assert old == new == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nOnce upon"


def test_old_template_with_the_answer_inside_a_branch_is_cut_there() -> None:
    source = "{{ if .Prompt }}U:{{ .Prompt }}{{ end }}{{ if .Response }} if{{ else }} A:{{ .Response }} end{{ end }} after"

    assert render(source, user("x")) == "U:x A:"


def test_empty_template_is_the_prompt_alone() -> None:
    assert render("", SYSTEM, user("Why?")) == "Why?"


def test_messages_of_one_role_are_joined_but_not_those_of_tools() -> None:
    calls = ChatMessage("assistant", tool_calls=[CALL])
    messages = [SYSTEM, user("Hello"), user("How are you?"), calls, ChatMessage("tool", "1"), ChatMessage("tool", "2"), SYSTEM]

    system, collated = collate(messages)

    assert system == "be brief\n\nbe brief"
    assert [(m.role, m.content) for m in collated] == [
        ("system", "be brief"),
        ("user", "Hello\n\nHow are you?"),
        ("assistant", ""),
        ("tool", "1"),
        ("tool", "2"),
        ("system", "be brief"),
    ]
    assert messages[1].content == "Hello"


def test_infill_by_the_template() -> None:
    template = GoChatTemplate(go_templates.FIM)

    assert template.render_infill("def add(", "return x") == "<PRE> def add( <SUF>return x <MID>"
    assert render(go_templates.FIM, user("def add(")) == " def add("


def test_llama_with_tools() -> None:
    question = render(go_templates.LLAMA3_TOOLS, SYSTEM, user("Rain?"), tools=[WEATHER])
    answered = render(
        go_templates.LLAMA3_TOOLS,
        user("Rain?"),
        ChatMessage("assistant", tool_calls=[CALL]),
        ChatMessage("tool", "dry", tool_name="get_weather"),
    )

    assert question == (
        "<|start_header_id|>system<|end_header_id|>\n\nbe brief\n\nReply to a tool's output with what it says.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n"
        'Answer with {"name": function name, "parameters": dictionary of arguments}.\n\n'
        f"{WEATHER_JSON}\n\nRain?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert answered == (
        "<|start_header_id|>user<|end_header_id|>\n\nRain?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
        '{"name": "get_weather", "parameters": {"city":"Rome","amount":{"a":2,"z":1}}}<|eot_id|>'
        "<|start_header_id|>ipython<|end_header_id|>\n\ndry<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_qwen_with_tools() -> None:
    text = render(
        go_templates.QWEN_TOOLS,
        user("Rain?"),
        ChatMessage("assistant", tool_calls=[CALL]),
        ChatMessage("tool", "dry"),
        tools=[WEATHER],
    )

    assert text == (
        "<|im_start|>system\n\n# Tools\n\n<tools>\n"
        '{"type": "function", "function": ' + WEATHER_JSON.removeprefix('{"type":"function","function":') + "\n"
        "</tools>\n\nAnswer with <tool_call> and JSON.<|im_end|>\n<|im_start|>user\nRain?<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "get_weather", "arguments": {"city":"Rome","amount":{"a":2,"z":1}}}\n'
        "</tool_call><|im_end|>\n<|im_start|>user\n<tool_response>\ndry\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )


def test_mistral_with_tools() -> None:
    text = render(go_templates.MISTRAL, SYSTEM, user("a"), assistant("b"), user("c"), tools=[WEATHER])

    assert text == f"[INST] a[/INST] b</s>[AVAILABLE_TOOLS] [{WEATHER_JSON}][/AVAILABLE_TOOLS][INST] be brief\n\nc[/INST]"


def test_gemma() -> None:
    text = render(go_templates.GEMMA, user("a"), assistant("b"), user("c"))

    assert text == (
        "<start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n"
        "<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n"
    )


def test_phi() -> None:
    assert render(go_templates.PHI, SYSTEM, user("a")) == "<|system|>\nbe brief<|end|>\n<|user|>\na<|end|>\n<|assistant|>\n"


def test_command_r_describes_tools_by_their_types() -> None:
    text = render(go_templates.COMMAND_R, user("Rain?"), ChatMessage("assistant", tool_calls=[CALL]), tools=[WEATHER])

    assert "def get_weather(city: string, days: [integer null], ) -> List[Dict]:\n" in text
    assert (
        '    """Weather of a place\n\n    Args:\n        city (string): Where <it> is\n        days (number | null): \n    """'
        in text
    )
    assert 'Action: ```json\n[\n    {\n        "tool_name": "get_weather",\n        "parameters": {"city":"Rome",' in text


@pytest.mark.parametrize(
    ("think", "ending"),
    [
        (None, "<｜Assistant｜>"),
        (True, "<｜Assistant｜>"),
        ("high", "<｜Assistant｜>"),
        (False, "<｜Assistant｜><think>\n\n</think>\n\n"),
    ],
)
def test_deepseek_thinking(think: bool | str | None, ending: str) -> None:
    earlier = ChatMessage("assistant", "b", thinking="hm")

    text = render(go_templates.DEEPSEEK_THINKING, user("a"), earlier, user("c"), think=think)

    thought = "<think>\nhm\n</think>\n" if think else ""
    assert text == f"<｜User｜>a<｜Assistant｜>{thought}b<｜end▁of▁sentence｜><｜User｜>c{ending}"


def test_fields_of_messages_and_calls() -> None:
    source = (
        "{{ range .Messages }}{{ .Role }}|{{ .Thinking }}|{{ .ToolName }}|{{ .ToolCallID }}|{{ len .Images }}|"
        "{{ range .ToolCalls }}{{ .ID }} {{ .Function.Index }} {{ json .Function.Arguments }}{{ end }};{{ end }}{{ .ThinkLevel }}"
    )
    messages = [
        ChatMessage("assistant", thinking="hm", tool_calls=[CALL]),
        ChatMessage("tool", "x", tool_name="get_weather", tool_call_id="call_1", images=[b"x"]),
    ]

    text = render(source, *messages, think="low")

    assert text == ('assistant|hm|||0|call_1 0 {"city":"Rome","amount":{"a":2,"z":1}};tool||get_weather|call_1|1|;low')


@pytest.mark.parametrize("source", ["{{ range .Messages }}{{ .Nothing }}{{ end }}", "{{ if }}", "{{ .Messages.Role }}"])
def test_broken_template_is_the_models_fault(source: str) -> None:
    with pytest.raises(EngineError, match="template"):
        render(source, user("a"))


def test_tools_of_any_shape_are_no_fault() -> None:
    odd = [{}, {"function": 3}, {"type": 1, "function": {"name": 2, "parameters": {"properties": {"a": 1, "b": {"type": 5}}}}}]

    assert render("{{ range .Tools }}{{ .Function.Name }}{{ json . }}{{ end }}{{ .Messages | len }}", user("a"), tools=odd)
