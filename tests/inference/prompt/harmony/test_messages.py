"""What a chat template of gpt-oss's is given, seen in what it writes."""

from typing import Any

import pytest

from inference.errors import InvalidRequest
from inference.prompt.chat_template import ChatTemplate
from inference.prompt.go_chat_template import GoChatTemplate
from inference.runner.messages import ChatMessage, ChatPrompt
from tests.inference.prompt.harmony.template import GO, JINJA

HEAD = "<|start|>system<|message|>Reasoning: medium<|end|>"
ASKED = "<|start|>user<|message|>Where is it warm?<|end|>"
QUESTION = ChatMessage("user", "Where is it warm?")
ANALYSIS = "<|start|>assistant<|channel|>analysis<|message|>"
FINAL = "<|start|>assistant<|channel|>final<|message|>"


def written(*messages: ChatMessage, **variables: Any) -> str:
    text = ChatTemplate(JINJA).render(messages, variables)
    return text.removeprefix(HEAD) if not variables else text


def call(name: str, identifier: str = "", **arguments: Any) -> dict[str, Any]:
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def called(name: str, arguments: str) -> str:
    return f"<|start|>assistant to=functions.{name}<|channel|>commentary json<|message|>{arguments}<|call|>"


def result(name: str, text: str) -> str:
    return f'<|start|>functions.{name} to=assistant<|channel|>commentary<|message|>"{text}"<|end|>'


def test_instructions_are_one_message_wherever_they_stand() -> None:
    text = written(ChatMessage("system", "Be kind."), QUESTION, ChatMessage("developer", "Be brief."))

    assert text == f"<|start|>developer<|message|># Instructions\n\nBe kind.\n\nBe brief.<|end|>{ASKED}<|start|>assistant"


def test_thinking_of_a_finished_turn_is_left_out() -> None:
    text = written(QUESTION, ChatMessage("assistant", "In Lima.", thinking="Hm."), ChatMessage("user", "Sure?"))

    assert text == f"{ASKED}{FINAL}In Lima.<|end|><|start|>user<|message|>Sure?<|end|><|start|>assistant"


def test_thinking_within_a_running_exchange_stays() -> None:
    asks = ChatMessage("assistant", thinking="Look it up.", tool_calls=[call("temperature", city="Lima")])

    text = written(QUESTION, asks, ChatMessage("tool", "21", tool_name="temperature"))

    exchange = called("temperature", '{"city": "Lima"}') + result("temperature", "21")
    assert text == f"{ASKED}{ANALYSIS}Look it up.<|end|>{exchange}<|start|>assistant"


def test_what_was_said_before_a_call_is_a_message_of_its_own() -> None:
    asks = ChatMessage("assistant", "I shall look.", thinking="Look it up.", tool_calls=[call("now")])

    text = written(QUESTION, asks, ChatMessage("tool", "noon", tool_name="now"))

    said = f"{ANALYSIS}Look it up.<|end|><|start|>assistant<|channel|>commentary<|message|>I shall look.<|end|>"
    assert text == ASKED + said + called("now", "{}") + result("now", "noon") + "<|start|>assistant"


@pytest.mark.parametrize("has_ids", [True, False])
def test_every_call_of_a_message_is_written_with_its_result(has_ids: bool) -> None:
    ids = ("a", "b") if has_ids else ("", "")
    asks = ChatMessage("assistant", thinking="Both.", tool_calls=[call("now", ids[0]), call("temperature", ids[1], city="Rome")])
    results = [ChatMessage("tool", "noon", tool_call_id=ids[0] or None), ChatMessage("tool", "30", tool_call_id=ids[1] or None)]

    text = written(QUESTION, asks, *(reversed(results) if has_ids else results))

    first = called("now", "{}") + result("now", "noon")
    second = called("temperature", '{"city": "Rome"}') + result("temperature", "30")
    assert text == f"{ASKED}{ANALYSIS}Both.<|end|>{first}{second}<|start|>assistant"


def test_results_beyond_the_calls_stay() -> None:
    asks = ChatMessage("assistant", tool_calls=[call("now", "a")])
    strange = ChatMessage("tool", "dusk", tool_call_id="z")

    text = written(QUESTION, asks, ChatMessage("tool", "noon", tool_call_id="a"), strange)

    assert text == ASKED + called("now", "{}") + result("now", "noon") + result("now", "dusk") + "<|start|>assistant"


def test_result_without_a_call_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="a result without a call"):
        written(QUESTION, ChatMessage("tool", "noon"))


@pytest.mark.parametrize(
    ("begun", "opening"),
    [
        (ChatMessage("assistant", "In "), "<|channel|>final<|message|>In "),
        (ChatMessage("assistant", thinking="Hm"), "<|channel|>analysis<|message|>Hm"),
        (ChatMessage("assistant", "In ", thinking="Hm."), f"<|channel|>analysis<|message|>Hm.<|end|>{FINAL}In "),
        (ChatMessage("assistant"), ""),
    ],
)
def test_begun_answer_stands_on_its_channel(begun: ChatMessage, opening: str) -> None:
    assert written(QUESTION, begun) == f"{ASKED}<|start|>assistant{opening}"


def test_tools_are_written_whatever_they_lack() -> None:
    level = {"type": "integer", "enum": [1, 2], "default": 1}
    tools = [
        {"type": "function", "function": {"name": "now"}},
        {"type": "function", "function": {"name": "wait", "parameters": {"properties": {"level": level}}}},
        {"type": "function", "function": {"name": "odd", "description": "Odd.", "parameters": {"properties": {"a": True}}}},
    ]

    text = written(QUESTION, tools=tools)

    assert "\n// \ntype now = (_: {})\n// \ntype wait = (_: {level: number;})\n// Odd.\ntype odd = (_: {a: ;})<|end|>" in text
    assert level["default"] == 1


def test_effort_reaches_the_template() -> None:
    assert written(QUESTION, reasoning_effort="low").startswith("<|start|>system<|message|>Reasoning: low<|end|>")


@pytest.mark.parametrize(
    ("think", "line"),
    [
        ("low", "Reasoning: low"),
        ("high", "Reasoning: high"),
        (True, "Reasoning: medium"),
        (None, "Reasoning: medium"),
        (False, ""),
    ],
)
def test_go_template_writes_the_same_conversation(think: Any, line: str) -> None:
    asks = ChatMessage("assistant", thinking="Both.", tool_calls=[call("now"), call("temperature", city="Rome")])
    results = [ChatMessage("tool", "noon", tool_name="now"), ChatMessage("tool", "30", tool_name="temperature")]
    messages = [ChatMessage("system", "Be kind."), QUESTION, asks, *results, ChatMessage("assistant", "In ")]

    text = GoChatTemplate(GO).render(ChatPrompt(messages, think=think), messages)

    calls = "<|start|>assistant<|channel|>commentary to=functions.{} <|constrain|>json<|message|>{}<|call|>".format
    answers = "<|start|>functions.{} to=assistant<|channel|>commentary<|message|>{}<|end|>".format
    exchange = (
        calls("now", "{}") + calls("temperature", '{"city":"Rome"}') + answers("now", "noon") + answers("temperature", "30")
    )
    head = f"<|start|>system<|message|>{line}<|end|><|start|>developer<|message|>Be kind.<|end|>"
    assert text == f"{head}{ASKED}{ANALYSIS}Both.<|end|>{exchange}{FINAL}In "
