"""Templates come from strangers: whatever they do, nothing but `GoTemplateError` comes of it, and soon."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.prompt.go_template import GoTemplate, GoTemplateError

MANY = "{{ range 100000 }}{{ range 100000 }}"


@pytest.mark.parametrize(
    "source",
    [
        MANY + "{{ end }}{{ end }}",
        MANY + "{{ $x := $.Text }}{{ end }}{{ end }}",
        "{{ range 9223372036854775807 }}{{ end }}",
        MANY + "{{ if eq $.Text $.Text }}{{ end }}{{ end }}{{ end }}",
    ],
)
def test_endless_rendering_is_ended(source: str) -> None:
    template = GoTemplate(source)
    started = time.monotonic()

    with pytest.raises(GoTemplateError, match=r"did not finish within 0\.1 seconds"):
        template.render({"Text": "a" * 10_000}, seconds=0.1)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "source",
    [
        MANY + "{{ $.Text }}{{ end }}{{ end }}",
        "{{ $x := .Text }}" + MANY + "{{ $x = print $x $x }}{{ end }}{{ end }}",
        "{{ $x := .Text }}" + MANY + '{{ $x = printf "%q%q" $x $x }}{{ end }}{{ end }}',
        "{{ $x := .Text }}" + MANY + "{{ $x = json $x | print $x $x }}{{ end }}{{ end }}",
        "{{ $x := .Text }}" + MANY + "{{ $x = html $x | urlquery }}{{ end }}{{ end }}",
        MANY + '{{ printf "%999999d" 1 }}{{ end }}{{ end }}',
        MANY + "{{ slice $.Text 1 | len }}{{ json $.Text | len }}{{ end }}{{ end }}",
    ],
)
def test_endless_text_is_ended(source: str) -> None:
    with pytest.raises(GoTemplateError, match="makes too much text"):
        GoTemplate(source).render({"Text": "<é>" * 20_000}, seconds=60)


def test_values_nested_without_end_are_refused() -> None:
    value: list[Any] = []
    value.append(value)

    for source in ("{{ . }}", "{{ json .V }}", '{{ printf "%q" . }}'):
        with pytest.raises(GoTemplateError, match="nested too deeply"):
            GoTemplate(source).render({"V": value})


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "\n",
        ".",
        "$",
        "$x",
        ":=",
        "=",
        ",",
        "|",
        "(",
        ")",
        "if ",
        "else",
        "end",
        "range ",
        "with ",
        "define ",
        "template ",
        "block ",
        "break",
        "continue",
        "nil",
        "true",
        '"a"',
        "`b`",
        "'c'",
        "1",
        "-2",
        "3.5",
        "0x1",
        "/*",
        "*/",
        "\\",
        '"',
        "é",
        "\ud800",
        ".A",
        ".B.C",
        "$.A",
        "$x.A",
        "eq ",
        "index ",
        "slice ",
        "len ",
        "printf ",
        "json ",
        "and ",
        "or ",
        "not ",
        "html ",
        "js ",
        "urlquery ",
        "println ",
        "call ",
        "toTypeScriptType ",
        "currentDate ",
        '"%d%s%v%q%x%*d%.3f%T%c%U"',
        "{{ if .A }}",
        "{{ range $x := .A }}",
        "{{ end }}",
        "{{ else }}",
        "{{ define `t` }}",
        "{{ template `t` . }}",
        "{{ .A | json }}",
        "{{ with $y := .B }}",
        "{{ $y }}",
        "{{ break }}",
    ]
)
SOURCES = st.lists(PIECES, max_size=24).map("".join) | st.text(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["A", "B", "C", "x"]), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=600, deadline=None)
@given(source=SOURCES, first=VALUES, second=VALUES)
def test_random_template_raises_nothing_but_its_own_error(source: str, first: Any, second: Any) -> None:
    try:
        text = GoTemplate(source).render({"A": first, "B": second}, seconds=1)
    except GoTemplateError as error:
        assert str(error)
    else:
        assert isinstance(text, str)


#: Sources that can always be read, so that rendering is reached.
OPERANDS = st.sampled_from([".", "$", ".A", ".B", ".A.x", "(.B).C", "1", "-1", "2.5", '"é"', '"%d %s"', "nil", "true", "$i"])
FUNCTIONS = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "index",
        "slice",
        "len",
        "print",
        "println",
        "printf",
        "json",
        "html",
        "js",
        "urlquery",
        "call",
        "toTypeScriptType",
        "currentDate",
    ]
)
CALLS = st.builds(lambda name, operands: " ".join([name, *operands]), FUNCTIONS, st.lists(OPERANDS, min_size=1, max_size=3))
PIPES = st.builds(lambda first, rest: " | ".join([first, *rest]), OPERANDS | CALLS, st.lists(CALLS, max_size=2))
ACTIONS = st.builds(
    "{{{{ {keyword}{pipe} }}}}{{{{ $i }}}}{{{{ {inner} }}}}{end}".format,
    keyword=st.sampled_from(["range $i := ", "with ", "if "]),
    pipe=PIPES,
    inner=PIPES,
    end=st.just("{{ else }}e{{ end }}"),
)


@settings(max_examples=600, deadline=None)
@given(action=ACTIONS, first=VALUES, second=VALUES)
def test_random_values_raise_nothing_but_its_own_error(action: str, first: Any, second: Any) -> None:
    try:
        GoTemplate("{{ $i := 0 }}" + action).render({"A": first, "B": second}, seconds=1)
    except GoTemplateError as error:
        assert str(error)
