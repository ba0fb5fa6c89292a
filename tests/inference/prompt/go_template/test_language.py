"""Every construct of the language, with what Go's text/template makes of it."""

import pytest

from inference.prompt.go_template import GoTemplate, GoTemplateError
from inference.prompt.go_template.values import OrderedMap

DATA = {
    "System": "be <brief>",
    "Empty": "",
    "Number": 7,
    "Share": 1.5,
    "Yes": True,
    "Nil": None,
    "Letters": ["x", "y", "z"],
    "None": [],
    "Map": {"b": "x", "a": ["p", "q"], "é": {"k": "v&w"}},
    "Kept": OrderedMap(z=1, a={"y": 2, "b": 3}),
    "Messages": [{"Role": "user", "Content": "hi"}, {"Role": "assistant", "Content": "ho"}],
}


def render(source: str) -> str:
    return GoTemplate(source).render(DATA)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a {{- 1 -}} b", "a1b"),
        ("a \n\t{{- 1 }} b", "a1 b"),
        ("a {{ 1 -}}\r\n b", "a 1b"),
        ("a {{-1}} b", "a -1 b"),
        ("a {{- -1 -}} b", "a-1b"),
        ("a {{/* c */}} b", "a  b"),
        ("a {{- /* c \n }} */ -}} b", "ab"),
        ("a {{-\n1\n-}} b", "a1b"),
        ("{{ 1 }}\n{{- 2 -}}\n{{ 3 }}", "123"),
        ("{ {{1}} }", "{ 1 }"),
        ("a }} b", "a }} b"),
        ("x\n{{- if .Yes }}\n y\n{{- end }}\nz", "x\n y\nz"),
        ("{{ with .Empty -}} a {{- else -}} b {{- end }} c", "b c"),
        ("", ""),
    ],
)
def test_white_space(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ "a\\n\\"b\\u00e9\\x41\\101" }}', 'a\n"béAA'),
        ("{{ `r\\w` }}", "r\\w"),
        ("{{ 'a' }} {{ '\\n' }}", "97 10"),
        ("{{ 0x1F }} {{ 0b11 }} {{ 0o17 }} {{ 017 }} {{ 1_000 }} {{ +4 }}", "31 3 15 15 1000 4"),
        ("{{ 1.0 }} {{ .5 }} {{ 1e3 }} {{ 1e21 }} {{ 1e-5 }} {{ 123456.75 }}", "1 0.5 1000 1e+21 1e-05 123456.75"),
        ("{{ true }} {{ false }} {{ .Nil }} {{ .Missing }}", "true false <no value> <no value>"),
        ("{{ .Letters }} {{ .Map }} {{ .Share }}", "[x y z] map[a:[p q] b:x é:map[k:v&w]] 1.5"),
        ("{{ .Kept }}", '{"z":1,"a":{"b":3,"y":2}}'),
    ],
)
def test_constants_and_printing(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ if .Empty }}a{{ else if .Nil }}b{{ else if .Yes }}c{{ else }}d{{ end }}", "c"),
        ("{{ if .Nil }}a{{ else }}{{ if .Number }}b{{ end }}{{ end }}", "b"),
        ("{{ if .None }}a{{ else }}b{{ end }}{{ if .Map }}c{{ end }}{{ if 0 }}d{{ end }}{{ if 0.0 }}e{{ end }}", "bc"),
        ("{{ with .System }}[{{ . }}]{{ end }}{{ with .Empty }}x{{ else with .Number }}{{ . }}{{ end }}", "[be <brief>]7"),
        ("{{ with $x := .Number }}{{ $x }}{{ . }}{{ end }}", "77"),
        ("{{ range .Letters }}{{ . }},{{ else }}none{{ end }}", "x,y,z,"),
        ("{{ range .None }}x{{ else }}none{{ end }}{{ range .Nil }}x{{ else }}nil{{ end }}", "nonenil"),
        ("{{ range $i, $m := .Messages }}{{ $i }}{{ $m.Role }}{{ .Content }}{{ $.Number }} {{ end }}", "0userhi7 1assistantho7 "),
        ("{{ range $m := .Letters }}{{ $m }}{{ end }}", "xyz"),
        ("{{ range $k, $v := .Map }}{{ $k }}={{ $v }};{{ end }}", "a=[p q];b=x;é=map[k:v&w];"),
        ("{{ range $k, $v := .Kept }}{{ $k }}{{ end }}", "az"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ('{{ range .Letters }}{{ if eq . "y" }}{{ continue }}{{ end }}{{ . }}{{ end }}', "xz"),
        ('{{ range .Letters }}{{ . }}{{ if eq . "y" }}{{ break }}{{ end }}{{ end }}!', "xy!"),
        ("{{ range .Letters }}{{ range $.Letters }}{{ break }}{{ end }}{{ . }}{{ end }}", "xyz"),
        ('{{ define "t" }}<{{ . }}{{ $ }}>{{ end }}{{ template "t" .Number }}{{ template `t` }}', "<77><<no value><no value>>"),
        ('{{ block "b" .Letters }}{{ len . }}{{ end }}{{ template "b" .Map }}', "33"),
        ('{{ template "t" }}{{ define "t" }}{{ .Whatever.Else }}{{ end }}', "<no value>"),
    ],
)
def test_control(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ $x := 1 }}{{ $x }}{{ $x = 2 }}{{ $x }}", "12"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ range .Letters }}{{ $x = . }}{{ end }}{{ $x }}", "z"),
        ("{{ $i := 9 }}{{ $e := 9 }}{{ range $i, $e = .Letters }}{{ end }}{{ $i }}{{ $e }}", "2z"),
        ("{{ $m := index .Messages 1 }}{{ $m.Content }}", "ho"),
        ("{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}{{ $last }} {{ end }}", "false true "),
        (
            "{{- $f := false }}{{ range .Messages }}{{ if not $f }}{{ $f = true }}first {{ end }}{{ .Role }} {{ end }}",
            "first user assistant ",
        ),
    ],
)
def test_variables(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ "x" | printf "%s-%s" "y" }}', "y-x"),
        ("{{ .Letters | len | eq 3 }}", "true"),
        ("{{ (index .Messages 0).Role }} {{ (.Map).b }} {{ (.Missing).Role }}", "user x <no value>"),
        ('{{ and 1 0 "x" }} {{ and 1 "x" }} {{ or 0 "" "y" }} {{ or 0 "" }}|', "0 x y |"),
        ("{{ and .Nil (index .Letters 99) }} {{ or 1 (index .Letters 99) }}", "<no value> 1"),
        ("{{ not .Empty }} {{ not 1 }}", "true false"),
        ('{{ eq 1 2 1 }} {{ eq "a" "b" }} {{ ne 1 2 }} {{ eq .Missing "x" }} {{ eq .Nil nil }}', "true false true false true"),
        ('{{ lt 1 2 }} {{ le 2 2 }} {{ gt "b" "a" }} {{ ge 1.5 2.5 }}', "true true true false"),
        ('{{ index .Letters 1 }} {{ index .Map "é" "k" }} {{ index .Map "no" }} {{ index "aé" 1 }}', "y v&w <no value> 195"),
        (
            '{{ slice .Letters 1 }} {{ slice .Letters 0 2 }} {{ slice "hello" 1 3 }} {{ slice .Letters }}',
            "[y z] [x y] el [x y z]",
        ),
        ('{{ len "é" }} {{ len .Map }} {{ len .Letters }}', "2 3 3"),
        ('{{ print 1 2 "a" "b" 3 }}|{{ println "a" 1 }}', "1 2ab3|a 1\n"),
        ('{{ html `<a href="x">\'&` }}', "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"),
        ("{{ js `it's <b>=\n` }} {{ urlquery `a b&c/é` }}", "it\\'s \\u003Cb\\u003E\\u003D\\u000A a+b%26c%2F%C3%A9"),
    ],
)
def test_functions(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ printf "%s|%d|%v|%q|%t|%%" "a" 5 .Letters "q\\n" true }}', 'a|5|[x y z]|"q\\n"|true|%'),
        (
            '{{ printf "%5s|%-5s|%05d|%+d|%x|%X|%o|%b|%c|%U" "a" "b" 42 7 255 "hi" 8 5 65 233 }}',
            "    a|b    |00042|+7|ff|6869|10|101|A|U+00E9",
        ),
        ('{{ printf "%.2f %6.1f %e %g %.1s %.3d" 1.255 2.0 1500.0 0.5 "xyz" 7 }}', "1.25    2.0 1.500000e+03 0.5 x 007"),
        (
            '{{ printf "%d" "a" }} {{ printf "%s" 5 }} {{ printf "%s" .Nil }} {{ printf "%v" .Nil }}',
            "%!d(string=a) %!s(int=5) %!s(<nil>) <nil>",
        ),
        (
            '{{ printf "%d" }} {{ printf "x" 1 "a" }} {{ printf "%" }} {{ printf "%z" 1 }}',
            "%!d(MISSING) x%!(EXTRA int=1, string=a) %!(NOVERB) %!z(int=1)",
        ),
        ('{{ printf "%T %T %T" 1 "a" .Letters }} {{ printf "%*d" 5 42 }}', "int string []interface {}    42"),
        ('{{ printf "%q" .Letters }} {{ printf "%4v|" .Letters }}', '["x" "y" "z"] [   x    y    z]|'),
        ('{{ printf "%5d|%-8.3f|%#x|%08.3f" -3 3.14159 255 -1.5 }}', "   -3|3.142   |0xff|-001.500"),
        ('{{ printf "%99999999d" 1 }}', "%!(BADWIDTH)1"),
    ],
)
def test_printf(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ json .Map }}", '{"a":["p","q"],"b":"x","é":{"k":"v\\u0026w"}}'),
        ("{{ json .Kept }}", '{"z":1,"a":{"b":3,"y":2}}'),
        ("{{ json .System }} {{ json .Nil }} {{ json .Missing }}", '"be \\u003cbrief\\u003e" null null'),
        ("{{ json 1.0 }} {{ json 1e21 }} {{ json 1e-7 }} {{ json 0.1 }} {{ json true }}", "1 1e+21 1e-7 0.1 true"),
        ('{{ json "\\x00\\t\\n\\r\\b\\f\\"\\\\\\u2028" }}', '"\\u0000\\t\\n\\r\\b\\f\\"\\\\\\u2028"'),
        ("{{ json .None }} {{ .Letters | json }}", '[] ["x","y","z"]'),
    ],
)
def test_json_is_that_of_go(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{",
        "{{ .",
        "{{ }}",
        "{{ if }}x{{ end }}",
        "{{ if true }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if 1 }}{{ else }}{{ else }}{{ end }}",
        "{{ nothing }}",
        "{{ $x }}",
        "{{ (1 }}",
        "{{ 1) }}",
        '{{ "a }}',
        "{{ `a }}",
        "{{ 'ab' }}",
        "{{/* a",
        "{{/* a */ b}}",
        "{{ break }}",
        "{{ range .L }}{{ define `a` }}{{ end }}{{ end }}",
        "{{ template x }}",
        "{{ 1 | 2 }}",
        "{{ 1.x }}",
        "{{ .a.}}",
        "{{ 99999999999999999999 }}",
        "{{ 1e999 }}",
        "{{ 0x }}",
        "{{ $a, $b := 1 }}",
        "{{ range $a, $b, $c := .L }}{{ end }}",
        "{{ a#b }}",
        "{{ define `a` }}x{{ end }}{{ define `a` }}y{{ end }}",
        '{{ "\\q" }}',
        '{{ "\\ud800" }}',
        "{{ nil }}{{ if",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ if 1 }}" * 5000,
        "{{ if 1 }}a" + "{{ else if 1 }}a" * 5000 + "{{ end }}",
        "x" * (512 * 1024 + 1),
    ],
)
def test_source_that_cannot_be_read(source: str) -> None:
    with pytest.raises(GoTemplateError):
        GoTemplate(source)


def test_error_names_the_line() -> None:
    with pytest.raises(GoTemplateError, match="line 3: function 'oops' not defined"):
        GoTemplate("a\nb\n{{ oops }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ .Missing.Role }}",
        "{{ .System.Role }}",
        "{{ nil }}",
        "{{ $x = 1 }}",
        "{{ 1 2 }}",
        "{{ .System 1 }}",
        "{{ 1 | .System }}",
        "{{ index .Letters 3 }}",
        "{{ index .Letters -1 }}",
        '{{ index .Letters "a" }}',
        "{{ index .Map 1 }}",
        "{{ index .Nil }}",
        "{{ slice .Letters 2 1 }}",
        "{{ slice .Number 1 }}",
        "{{ slice .System 0 1 2 }}",
        "{{ len 3 }}",
        "{{ len .Nil }}",
        '{{ eq 1 "a" }}',
        "{{ eq .Letters .Letters }}",
        "{{ eq 1 }}",
        "{{ lt true false }}",
        '{{ lt 1 "a" }}',
        "{{ not }}",
        "{{ not 1 2 }}",
        "{{ json }}",
        "{{ printf 1 }}",
        "{{ call .System }}",
        "{{ range .System }}{{ end }}",
        '{{ template "none" }}',
        '{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}',
    ],
)
def test_rendering_that_fails(source: str) -> None:
    template = GoTemplate(source)

    with pytest.raises(GoTemplateError):
        template.render(DATA)
