import pytest

from inference.errors import EngineError, InvalidRequest
from inference.prompt.chat_template import ChatTemplate
from inference.runner.messages import ChatMessage

USER = ChatMessage("user", "hello")
SYSTEM = ChatMessage("system", "be brief")

#: As Gemma's: no system role, roles must alternate.
STRICT = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "<{{ message['role'] }}>{{ message['content'] | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}<model>{% endif %}"
)


def test_chat_template_missing_is_chatml() -> None:
    text = ChatTemplate(None).render([SYSTEM, USER])

    assert text == "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"


def test_chat_template_trailing_assistant_message_is_continued() -> None:
    text = ChatTemplate(None).render([USER, ChatMessage("assistant", "Once upon")])

    assert text.endswith("<|im_start|>assistant\nOnce upon")


def test_chat_template_system_message_refused_goes_before_the_first_user_message() -> None:
    text = ChatTemplate(STRICT, bos_text="<s>").render([SYSTEM, USER])

    assert text == "<s><user>be brief\n\nhello\n<model>"


def test_chat_template_system_message_ignored_goes_before_the_first_user_message() -> None:
    source = "{% for m in messages if m.role != 'system' %}[{{ m.content }}]{% endfor %}"

    assert ChatTemplate(source).render([SYSTEM, USER]) == "[be brief\n\nhello]"


def test_chat_template_same_roles_in_a_row_are_joined_where_roles_must_alternate() -> None:
    text = ChatTemplate(STRICT).render([USER, ChatMessage("user", "again"), ChatMessage("assistant", "x"), USER])

    assert text == "<user>hello\n\nagain\n<assistant>x\n<user>hello\n<model>"


def test_chat_template_refusal_is_told_in_its_own_words() -> None:
    template = ChatTemplate("{{ raise_exception('Only pictures, please') }}")

    with pytest.raises(InvalidRequest, match="Only pictures, please"):
        template.render([USER])


def test_chat_template_blocks_leave_no_blank_lines() -> None:
    source = "{% for m in messages %}\n    {% if true %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}"

    assert ChatTemplate(source).render([USER]) == "hello\n"


def test_chat_template_hugging_face_dialect() -> None:
    source = (
        "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}"
        "{% generation %}g{% endgeneration %}{{ {'ü': '<a>'} | tojson }}{{ strftime_now('%Y') | length }}"
        "{{ tools is none }}{{ '%.1f' | format(1.25) }}{{ '{:>3}'.format('x') }}{{ 'a' ~ 1 }}"
    )

    assert ChatTemplate(source).render([USER]) == '02g{"ü": "<a>"}4True1.2  xa1'


def test_chat_template_gets_variables_tool_calls_and_thinking() -> None:
    source = (
        "{{ tools[0].name }} {{ enable_thinking }} {{ messages[0].tool_calls[0].function.name }} "
        "{{ messages[0].reasoning_content }} {{ messages[1].name }}"
    )
    messages = [
        ChatMessage("assistant", tool_calls=[{"function": {"name": "look"}}], thinking="hm"),
        ChatMessage("tool", "42", tool_name="look"),
    ]

    text = ChatTemplate(source).render(messages, {"tools": [{"name": "look"}], "enable_thinking": False, "messages": "mine"})

    assert text == "look False look hm look"


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}",
        "{{ messages[0].nothing.there }}",
        "{{ 1 / 0 }}",
        "{% include 'other' %}",
        "{{ messages[99999] + 1 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
    ids=["syntax", "undefined", "division", "include", "index", "endless recursion", "deep nesting"],
)
def test_chat_template_broken_is_the_models_fault(source: str) -> None:
    template = ChatTemplate(source)

    with pytest.raises(EngineError, match="chat template"):
        template.render([USER])


def test_chat_template_thousand_messages_are_rendered_completely() -> None:
    messages = [ChatMessage("user" if i % 2 == 0 else "assistant", f"number {i}") for i in range(1001)]

    text = ChatTemplate(None).render(messages)

    assert text.count("<|im_start|>") == 1002
    assert "number 1000<|im_end|>" in text


def test_calls_of_kimi_are_named_by_their_place() -> None:
    """Its template says by this name whose result a result is."""
    template = (
        "{% for m in messages %}{% for call in m.tool_calls or [] %}<|tool_calls_section_begin|>{{ call.id }};{% endfor %}"
        "{% if m.role == 'tool' %}{{ m.tool_call_id }}={{ m.content }};{% endif %}{% endfor %}"
    )
    calls = [{"id": f"call_{name}", "function": {"name": name, "arguments": {}}} for name in ("now", "later")]
    results = [ChatMessage("tool", name, tool_call_id=f"call_{name}") for name in ("later", "now", "never")]

    text = ChatTemplate(template).render([ChatMessage("user", "a"), ChatMessage("assistant", tool_calls=calls), *results])

    marked = "<|tool_calls_section_begin|>functions.now:0;<|tool_calls_section_begin|>functions.later:1;"
    assert text == f"{marked}functions.later:1=later;functions.now:0=now;call_never=never;"
