"""What ordinary Markdown becomes."""

import os
import subprocess
import sys

import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString
from django.utils.translation import override

from tests.webui.markdown.allowed import parse_allowed
from webui.markdown import highlighting, limits, mathml, render


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        (" \n\t\n", ""),
        ("**a** *b* ~~c~~ `d`", "<p><strong>a</strong> <em>b</em> <s>c</s> <code>d</code></p>\n"),
        ("a\nb", "<p>a<br>\nb</p>\n"),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>\n"),
        ("---", "<hr>\n"),
        ("a & b &amp; c", "<p>a &amp; b &amp; c</p>\n"),
        ("中文 **强调** 😀", "<p>中文 <strong>强调</strong> 😀</p>\n"),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    result = render(text)

    assert isinstance(result, SafeString)
    assert result == html


@pytest.mark.parametrize(("level", "shown"), [(1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (6, 6)])
def test_heading_stands_below_the_pages_own(level: int, shown: int) -> None:
    assert render("#" * level + " a") == f"<h{shown}>a</h{shown}>\n"


def test_fence_names_its_language_and_offers_to_copy() -> None:
    figure = parse_allowed(render('```Python title="x"\nx = "<b>"\n```')).figure

    assert figure is not None and figure.figcaption is not None and figure.code is not None
    assert [part.get_text() for part in figure.figcaption.find_all(["span", "button"])] == ["Python", "Copy"]
    assert figure.code.get_text() == 'x = "<b>"\n'
    assert figure.code.find("span", class_="s2") is not None


@pytest.mark.parametrize("language", ["", "nosuchlanguage", "text", "c", "matlab", "js", "html", "diff", "console", "yaml"])
@pytest.mark.parametrize("code", ["\n\n  a\n\n", "\tif (a < b) { c &= 1; } // é😀", "a\u2028b\u0085", "x" * 3_000, "<!-- \n"])
def test_highlighting_keeps_every_character(language: str, code: str) -> None:
    # Outside <pre>, BeautifulSoup itself shrinks white space.
    assert parse_allowed(f"<pre>{highlighting.highlight(code, language)}</pre>").get_text() == code


def test_every_language_offered_has_a_lexer() -> None:
    assert [name for name in highlighting._LANGUAGES if highlighting._lexer(name) is None] == []


def test_code_beyond_the_bound_stays_plain() -> None:
    code = "x = 1\n" * (highlighting.MAX_CHARACTERS // 6 + 1)

    assert highlighting.highlight(code, "python") == code


def test_table_scrolls_and_aligns() -> None:
    soup = parse_allowed(render("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 |"))

    assert soup.div is not None and soup.div.table is not None
    assert (soup.div.get_attribute_list("class"), soup.div["tabindex"]) == (["table-scroll"], "0")
    assert [cell.get_attribute_list("class") for cell in soup.find_all("td")] == [
        ["align-left"],
        ["align-center"],
        ["align-right"],
    ]


def test_task_list_says_what_is_done() -> None:
    soup = parse_allowed(render("- [x] a\n- [ ] b\n- c"))

    assert [box["aria-label"] for box in soup.find_all(role="img")] == ["Done", "To do"]
    assert [item.get_text().strip() for item in soup.find_all("li")] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("$x^2$", "inline"),
        ("the $n$th", "inline"),
        ("是$x$的", "inline"),
        (r"\(x^2\)", "inline"),
        ("a $$x$$ b", "block"),
        (r"a \[x\] b", "block"),
        ("$$\nx\n$$", "block"),
        ("a:\n$$\nx\n$$\nb", "block"),
        ("\\[\nx\n\\]", "block"),
        ("- a\n  $$\n  x\n  $$", "block"),
        ("> $$\n> x\n> $$", "block"),
    ],
)
def test_formula_becomes_mathml(text: str, display: str) -> None:
    formula = parse_allowed(render(text)).math

    assert formula is not None
    assert formula["display"] == display
    assert formula.find("mi") is not None
    assert "$" not in parse_allowed(render(text)).get_text()


@pytest.mark.parametrize(
    "text",
    ["costs $5 and $10", "$5-$10", "US$5 or A$6", "`$a$`", "$HOME/$USER", r"\$a\$", "$ a $", "$$", "$$\n$$", "$$\na\n\nb\n$$"],
)
def test_dollars_that_are_no_formula_stay_text(text: str) -> None:
    soup = parse_allowed(render(text))

    assert soup.math is None
    assert "$" in soup.get_text()


@pytest.mark.parametrize(
    "latex",
    [
        r"\alpha < \beta",
        r"\text{a < b & c}",
        r"\frac{a}{b}",
        r"\sqrt[3]{x}",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
        r"x_1^2",
        r"\left\{ x \right\}",
        r"\mathbb{R}",
    ],
)
def test_formula_html_survives_the_sanitiser_unchanged(latex: str) -> None:
    html = mathml.formula_html(latex, display=True)

    assert html.startswith("<math")
    assert html.replace("\u00a0", "&nbsp;") in render(f"$${latex}$$").replace("\u00a0", "&nbsp;")


def test_footnotes_are_numbered_and_linked_both_ways() -> None:
    soup = parse_allowed(render("a[^x] b[^x] c[^y]\n\n[^x]: one\n[^y]: two"))

    assert [reference.get_text() for reference in soup.find_all("sup")] == ["1", "1", "2"]
    assert [note.p.get_text(strip=True)[:3] for note in soup.find_all("li")] == ["one", "two"]
    for link in soup.find_all("a"):
        assert soup.find(id=link["href"].removeprefix("#")) is not None


def test_labels_speak_the_readers_language() -> None:
    with override("en"):
        assert "Load image from a.example" in render("![](https://a.example/x)")


@pytest.mark.parametrize(
    "text", ["word " * (limits.MAX_INLINE // 4), "*" * 1_600, "> " * 500 + "deep **x**", "|" * 300 + "\n" + "|-" * 300]
)
def test_text_beyond_a_bound_is_shown_and_not_lost(text: str) -> None:
    shown = parse_allowed(render(text)).get_text()

    assert text.split()[-1].strip(">*") in shown


def test_template_filter_renders() -> None:
    result = Template("{% load markdown %}{{ text|markdown }}").render(Context({"text": "**a** <b>"}))

    assert result == "<p><strong>a</strong> &lt;b&gt;</p>\n"


def test_importing_loads_no_parser() -> None:
    program = (
        "import sys, webui.markdown, webui.templatetags.markdown\n"
        "print([name for name in ('markdown_it', 'mdit_py_plugins', 'pygments', 'nh3', 'latex2mathml') if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_prose_loads_neither_formulas_nor_languages() -> None:
    program = (
        "import sys, django\ndjango.setup()\nimport webui.markdown\nwebui.markdown.render('a **b** `c`')\n"
        "print([name for name in ('latex2mathml', 'pygments.lexers', 'pygments.lexers.python') if name in sys.modules])"
    )

    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "webui.settings"},
    )

    assert result.stdout.strip() == "[]"
