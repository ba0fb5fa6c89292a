"""Calls in the notation of each family of models, as hand-written answers."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.prompt.parsing import AnswerParser, AnswerSyntax, ContentDelta, syntax_of
from tests.inference.prompt import go_templates
from tests.inference.prompt.parsing.reading import THINKING, TOOLS, parse

ROME = (0, "get_weather", '{"city": "Rome"}')
OSLO = (1, "get_weather_map", '{"city": "Oslo"}')

ANSWERS: list[tuple[str, list[object]]] = [
    # Qwen 2.5 and 3, Hermes.
    ('<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>', [ROME]),
    (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "get_weather_map", "arguments": {"city": "Oslo"}}\n</tool_call>',
        [ROME, OSLO],
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}\n'
        '{"name": "get_weather_map", "arguments": {"city": "Oslo"}}</tool_call>',
        [ROME, OSLO],
    ),
    ('I look.\n<tool_call>{"name": "now"}</tool_call>', [("content", "I look.\n"), (0, "now", "{}")]),
    ('<tool_call>{"name": "now", "arguments": {}}</tool_call>\nDone.', [(0, "now", "{}"), ("content", "Done.")]),
    ('\n\n<tool_call>{"name": "now", "arguments": "{}"}', [(0, "now", "{}")]),
    ('<tool_call>{"arguments": {"city": "Rome"}, "name": "get_weather"}</tool_call>', [ROME]),
    ('<think>hm</think>\n<tool_call>{"name": "now", "arguments": {}}</tool_call>', [("thinking", "hm"), (0, "now", "{}")]),
    # Mistral, older and newer.
    ('[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Rome"}}]', [ROME]),
    (
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Rome"}}, '
        '{"name": "get_weather_map", "arguments": {"city": "Oslo"}}]',
        [ROME, OSLO],
    ),
    ('[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}[TOOL_CALLS]get_weather_map[ARGS]{"city": "Oslo"}', [ROME, OSLO]),
    # Llama 3.1 and later.
    ('{"name": "get_weather", "parameters": {"city": "Rome"}}', [ROME]),
    ('<|python_tag|>{"type": "function", "name": "get_weather", "parameters": {"city": "Rome"}}', [ROME]),
    (
        '{"name": "get_weather", "parameters": {"city": "Rome"}}; {"name": "get_weather_map", "parameters": {"city": "Oslo"}}',
        [ROME, OSLO],
    ),
    ('[{"name": "get_weather", "arguments": {"city": "Rome"}}]', [ROME]),
    # Qwen 3 Coder.
    (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n<parameter=days>\n3\n</parameter>\n"
        '<parameter=deep>\n{"a": [1]}\n</parameter>\n</function>\n</tool_call>',
        [(0, "get_weather", '{"city": "Rome", "days": 3, "deep": {"a": [1]}}')],
    ),
    ("<function=get_weather>\n<parameter=city>\n1\n2\n</parameter>\n</function>", [(0, "get_weather", '{"city": "1\\n2"}')]),
    ("Ok: <function=now></function>", [("content", "Ok: "), (0, "now", "{}")]),
    # Llama 3.1 with custom tools.
    ('<function=get_weather>{"city": "Rome"}</function>', [ROME]),
    # GLM 4.5.
    (
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n<arg_key>days</arg_key>\n"
        "<arg_value>2</arg_value>\n</tool_call>",
        [(0, "get_weather", '{"city": "Rome", "days": 2}')],
    ),
    (
        "<tool_call>get_weather<arg_key>city</arg_key><arg_value>\nRome\n</arg_value></tool_call>\n"
        "<tool_call>get_weather_map\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>",
        [(0, "get_weather", '{"city": "\\nRome\\n"}'), OSLO],
    ),
    ("<think>hm</think>\n<tool_call>now\n</tool_call>", [("thinking", "hm"), (0, "now", "{}")]),
    ("<tool_call>now</tool_call><tool_call>now</tool_call>", [(0, "now", "{}"), (1, "now", "{}")]),
    ("<tool_call>later</tool_call>", [("content", "<tool_call>later</tool_call>")]),
    (
        '<tool_call>get_weather\n<arg_key>deep</arg_key>\n<arg_value>{"a": "</arg_value></tool_call>"}</arg_value></tool_call>',
        [(0, "get_weather", '{"deep": {"a": "</arg_value></tool_call>"}}')],
    ),
    # Texts and JSON between tags may hold what looks like other tags.
    (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\n</function> <parameter=x>\n</parameter>\n<parameter=deep>\n"
        '{"a": "</parameter>"}\n</parameter>\n</function>\n</tool_call> Done.',
        [(0, "get_weather", '{"city": "</function> <parameter=x>", "deep": {"a": "</parameter>"}}'), ("content", "Done.")],
    ),
    (
        "<function=get_weather>\n<parameter=city>\n{\n</parameter>\n<parameter=unknown>\n[1\n</parameter>\n</function>",
        [(0, "get_weather", '{"city": "{", "unknown": "[1"}')],
    ),
    ('<function=get_weather>{"city": "</function>"}</function>', [(0, "get_weather", '{"city": "</function>"}')]),
    ("<function=get_weather>\n<parameter=city>\nRo", [("content", "<function=get_weather>\n<parameter=city>\nRo")]),
    (
        "<function=get_weather>\n<parameter=days>\nmany\n</parameter>\n</function>",
        [("content", "<function=get_weather>\n<parameter=days>\nmany\n</parameter>\n</function>")],
    ),
    # DeepSeek.
    (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n"
        '```json\n{"city": "Rome"}\n```<｜tool▁call▁end｜>\n'
        "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather_map\n"
        '```json\n{"city": "Oslo"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        [ROME, OSLO],
    ),
    # Kimi K2.
    (
        'So:<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Rome"}'
        "<|tool_call_end|><|tool_call_begin|>functions.get_weather_map:1<|tool_call_argument_begin|>"
        '{"city": "Oslo"}<|tool_call_end|><|tool_calls_section_end|>',
        [("content", "So:"), ROME, OSLO],
    ),
    ("<|tool_call_begin|>functions.now:12<|tool_call_argument_begin|> {} <|tool_call_end|>", [(0, "now", "{}")]),
    (
        '<|tool_call_begin|>functions.later:0<|tool_call_argument_begin|>{"name": "now", "input": {}}',
        [("content", '<|tool_call_begin|>functions.later:0<|tool_call_argument_begin|>{"name": "now", "input": {}}')],
    ),
    # MiniMax M2.
    (
        '<think>hm</think>\n<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Rome</parameter>\n'
        '<parameter name="days">3</parameter>\n</invoke>\n<invoke name="now">\n</invoke>\n</minimax:tool_call>',
        [("thinking", "hm"), (0, "get_weather", '{"city": "Rome", "days": 3}'), (1, "now", "{}")],
    ),
    (
        '<minimax:tool_call><invoke name="get_weather"><parameter name="city">\na </invoke>\n</parameter></invoke>',
        [(0, "get_weather", '{"city": "\\na </invoke>\\n"}')],
    ),
    ('<invoke name="later"></invoke> x', [("content", '<invoke name="later"></invoke> x')]),
    # Seed-OSS.
    (
        "<seed:tool_call>\n<function=get_weather>\n<parameter=city>\nRome</parameter>\n<parameter=days>2</parameter>\n</function>\n"
        "</seed:tool_call>\n<seed:tool_call>\n<function=now>\n</function>\n</seed:tool_call>",
        [(0, "get_weather", '{"city": "\\nRome", "days": 2}'), (1, "now", "{}")],
    ),
    # Freer forms that small models write.
    ('<tool_call>{"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}</tool_call>', [ROME]),
    ('<tool_call>{"get_weather": {"city": "Rome"}}</tool_call>', [ROME]),
    ('<tool_call>{"get_weather": {"arguments": {"city": "Rome"}}}</tool_call>', [ROME]),
    ('<tool_call>{"tool_call": {"name": "get_weather", "arguments": {"city": "Rome"}}}</tool_call>', [ROME]),
    ('{"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}', [ROME]),
    ('{"name": "get_weather", "arguments": {"city": "a } \\" ] {"}}', [(0, "get_weather", '{"city": "a } \\" ] {"}')]),
    # What is no call stays text, to the last character.
    ('{"name": "unknown", "arguments": {}}', [("content", '{"name": "unknown", "arguments": {}}')]),
    ('  {"city": "Rome"}\n', [("content", '  {"city": "Rome"}\n')]),
    (
        '<tool_call>{"name": "unknown", "arguments": {}}</tool_call>',
        [("content", '<tool_call>{"name": "unknown", "arguments": {}}</tool_call>')],
    ),
    ('<tool_call>{"name": "get_weather", "argu', [("content", '<tool_call>{"name": "get_weather", "argu')]),
    ('{"name": "get_weather", "arguments": {"city": ', [("content", '{"name": "get_weather", "arguments": {"city": ')]),
    ("<tool_call>{'name': 'get_weather'}</tool_call>", [("content", "<tool_call>{'name': 'get_weather'}</tool_call>")]),
    ("[1] says so", [("content", "[1] says so")]),
    ("[ TODO ]", [("content", "[ TODO ]")]),
    ("A <tool_call> is a tag.", [("content", "A <tool_call> is a tag.")]),
    ("a <tool b [TOOL_ c <func", [("content", "a <tool b [TOOL_ c <func")]),
    ("<function=unknown></function> x", [("content", "<function=unknown></function> x")]),
    ('Use {"name": "now", "arguments": {}}.', [("content", 'Use {"name": "now", "arguments": {}}.')]),
    ('{"name": "now", "arguments": {}} , and more', [(0, "now", "{}"), ("content", ", and more")]),
    ("<tool_call>" + "x" * 300 + "<tool_call>{}", [("content", "<tool_call>" + "x" * 300 + "<tool_call>{}")]),
    ("{" * 100 + "}" * 100, [("content", "{" * 100 + "}" * 100)]),
]


@pytest.mark.parametrize(("text", "parts"), ANSWERS)
def test_answer(text: str, parts: list[object]) -> None:
    assert parse([text]) == parts
    assert parse(text) == parts


TYPED: list[tuple[object, str, object]] = [
    ({"type": "string"}, "5", "5"),
    ({"type": "string"}, '"5"', '"5"'),
    ({"type": "integer"}, "5", 5),
    ({"type": ["string", "null"]}, "null", None),
    ({"type": ["string", "null"]}, "5", "5"),
    ({"type": ["string", "integer"]}, "5", 5),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "17", "17"),
    ({"enum": ["1", "2"]}, "1", "1"),
    ({"enum": [1, "2"]}, '"2"', "2"),
    ({"$ref": "#/$defs/text"}, "true", "true"),
    ({"type": "boolean"}, "True", True),
    ({"type": "array", "items": {"type": "string"}}, '["</parameter>", "b"]', ["</parameter>", "b"]),
    ({}, "5", 5),
    ({}, "five", "five"),
    ({}, "NaN", "NaN"),
]


@pytest.mark.parametrize(("schema", "written", "value"), TYPED)
def test_argument_between_tags_becomes_what_its_schema_says(schema: object, written: str, value: object) -> None:
    parameters = {"properties": {"a": schema}, "$defs": {"text": {"type": "string"}}, "required": ["a"]}
    tools = [{"type": "function", "function": {"name": "act", "parameters": parameters}}]
    calls = [
        f"<function=act>\n<parameter=a>\n{written}\n</parameter>\n</function>",
        f"<tool_call>act\n<arg_key>a</arg_key>\n<arg_value>{written}</arg_value>\n</tool_call>",
    ]

    for text in calls:
        assert parse(text, tools=tools) == [(0, "act", json.dumps({"a": value}))]


@settings(max_examples=300, deadline=None)
@given(data=st.data(), answer=st.sampled_from([text for text, _ in ANSWERS]), more=st.sampled_from([text for text, _ in ANSWERS]))
def test_answer_is_the_same_however_it_is_cut(data: st.DataObject, answer: str, more: str) -> None:
    text = answer + data.draw(st.sampled_from(["", "\n", " and ", ","])) + more
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))

    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert parse(pieces) == parse([text]) == parse(text)


PIECES = st.sampled_from(
    [
        "<tool_call>",
        "</tool_call>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "<function=",
        "now",
        "get_weather",
        ">",
        "</function>",
        "{",
        "}",
        "[",
        "]",
        '"',
        "\\",
        ":",
        ",",
        ";",
        " ",
        "\n",
        "<",
        "<think>",
        "</think>",
        "```",
        "x",
        "<parameter=a>",
        "</parameter>",
        "<arg_key>",
        "</arg_key>",
        "<|python_tag|>",
        '{"name": "now"}',
        '"name"',
        '"arguments"',
        '{"name": "get_weather", "arguments": {"city": "x"}}',
        "<｜tool▁call▁begin｜>",
    ]
)


@settings(max_examples=1500, deadline=None)
@given(pieces=st.lists(PIECES, max_size=14), is_thinking=st.booleans())
@example(pieces=['{"name": "now"}', ",", "[", "x"], is_thinking=False)
@example(pieces=["<tool_call>", "[", " ", "{", "x"], is_thinking=False)
def test_random_text_is_never_lost_and_the_same_however_it_is_cut(pieces: list[str], is_thinking: bool) -> None:
    text = "".join(pieces)

    whole = parse([text], is_thinking=is_thinking)

    assert whole == parse(pieces, is_thinking=is_thinking) == parse(text, is_thinking=is_thinking)
    if not is_thinking and "think>" not in text and not any(isinstance(part[0], int) for part in whole):
        assert "".join(part[1] for part in whole) == text


def test_part_of_a_call_is_never_shown() -> None:
    text = 'Well: <tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
    parser = AnswerParser(THINKING, tools=TOOLS)

    shown = [event for char in text for event in parser.feed(char)]

    assert [event.text for event in shown if isinstance(event, ContentDelta)] == list("Well: ")


def test_long_json_answer_is_not_held_back() -> None:
    parser = AnswerParser(THINKING, tools=TOOLS)

    events = parser.feed('{"essay": "' + "word " * 200)

    assert len(events) >= 1


def test_without_tools_nothing_is_held_back() -> None:
    parser = AnswerParser(THINKING)

    assert parser.feed('<tool_call>{"name') == [ContentDelta('<tool_call>{"name')]


@pytest.mark.parametrize(
    ("template", "marks", "thinks", "tools", "infill"),
    [
        (go_templates.LLAMA3_TOOLS, (), False, True, False),
        (go_templates.QWEN_TOOLS, ("<tool_call>",), False, True, False),
        (go_templates.MISTRAL, ("[TOOL_CALLS]",), False, True, False),
        (go_templates.COMMAND_R, ("Action: ```json",), False, True, False),
        (go_templates.DEEPSEEK_THINKING, (), True, False, False),
        (go_templates.FIM, (), False, False, True),
        (go_templates.CHATML_LEGACY, (), False, False, False),
        ("{{ if", (), False, False, False),
    ],
)
def test_syntax_of_a_go_template(template: str, marks: tuple[str, ...], thinks: bool, tools: bool, infill: bool) -> None:
    syntax = syntax_of(template, None)

    assert (syntax.tool_marks, syntax.thinking is not None, syntax.knows_tools, syntax.knows_infill) == (
        marks,
        thinks,
        tools,
        infill,
    )


def test_thinking_tags_are_those_of_the_template() -> None:
    source = "{{ range .Messages }}{{ if .Thinking }}[MUSE]\n{{ .Thinking }}\n[/MUSE]{{ end }}{{ .Content }}{{ end }}"
    syntax = syntax_of(source, None)

    assert parse("[MUSE]hm[/MUSE] yes", syntax) == [("thinking", "hm"), ("content", "yes")]


def test_call_behind_the_mark_of_its_template() -> None:
    functools = "{{ range .Messages }}{{ if .ToolCalls }}functools[{{ range .ToolCalls }}{{ . }}{{ end }}]{{ end }}{{ end }}"
    call = '[{"name": "get_weather", "arguments": {"city": "Rome"}}]'
    command_r = '\nAction: ```json\n[\n {"tool_name": "get_weather", "parameters": {"city": "Rome"}}\n]```\n'

    assert parse(f"functools{call}", syntax_of(functools, None)) == [ROME]
    assert parse(command_r, syntax_of(go_templates.COMMAND_R, None)) == [ROME]


def test_syntax_of_a_jinja_template() -> None:
    assert syntax_of(None, "{{ tools }} <think></think>") == AnswerSyntax(thinking=THINKING.thinking, knows_tools=True)
    assert syntax_of(None, None) == syntax_of(None, "<think>") == AnswerSyntax()


@pytest.mark.parametrize(
    ("template", "opening", "tag_form", "marks"),
    [
        ("{{ tools }}<think></think><|tool_calls_section_begin|><|tool_call_begin|>", "<think>", "", 2),
        ('{{ tools }}<think></think><minimax:tool_call><invoke name="a"><parameter name="b">', "<think>", "invoke", 2),
        ("{{ tools }}<seed:think></seed:think><seed:tool_call><function=a><parameter=b>", "<seed:think>", "seed", 2),
    ],
)
def test_notation_is_told_from_the_template(template: str, opening: str, tag_form: str, marks: int) -> None:
    syntax = syntax_of(None, template)

    assert syntax.thinking is not None
    assert (syntax.thinking.opening, syntax.tag_form, len(syntax.tool_marks)) == (opening, tag_form, marks)
    assert syntax.knows_tools
