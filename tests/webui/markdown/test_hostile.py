"""Hostile text: nothing in it may become an element, attribute or address that is not Hearth's own."""

import time

import pytest
from bs4 import BeautifulSoup

from tests.webui.markdown.allowed import parse_allowed
from webui.markdown import BlockStream, render

SCRIPTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><circle/></svg>",
    "<svg><script>alert(1)</script></svg>",
    '<iframe src="javascript:alert(1)"></iframe>',
    "<form action=/accounts/logout/><input name=a><button>go</button></form>",
    "<style>*{display:none}</style>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>",
    '<meta http-equiv="refresh" content="0;url=//evil.example">',
    "<object data=x></object><embed src=x>",
    "<math><maction actiontype='statusline#http://evil.example'>x</maction></math>",
    '<math href="javascript:alert(1)">x</math>',
    '<math><annotation-xml encoding="text/html"><img src=x onerror=alert(1)></annotation-xml></math>',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<a href=javascript:alert(1)>x</a>",
    "<p id=main name=body class=card style=position:fixed>x</p>",
    "<!-- comment --><![CDATA[x]]><?php x ?>",
    "<details open ontoggle=alert(1)>x</details>",
    "<template><script>alert(1)</script></template>",
    "<x-message-stream data-message=1>",
    "<message-stream data-message=1 data-offset=0></message-stream>",
    "<div hx-get=/accounts/ hx-trigger=load></div>",
]


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize(
    "frame", ["{}", "- {}", "> {}", "| a |\n|---|\n| {} |", "# {}", "**{}**", "[{}](https://a.example)", "[^1]\n\n[^1]: {}"]
)
def test_raw_html_is_shown_as_text(text: str, frame: str) -> None:
    soup = parse_allowed(render(frame.format(text)))

    shown = soup.get_text()
    assert "<" in shown or "&lt;" in str(soup)
    assert not soup.find_all(["script", "img", "svg", "iframe", "form", "style", "annotation-xml", "maction"])


ADDRESSES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java&#115;cript:alert(1)",
    "&#x6A;avascript:alert(1)",
    "javascript&colon;alert(1)",
    "javascript&#x3a;alert(1)",
    "java%0ascript:alert(1)",
    "java&Tab;script:alert(1)",
    "java&NewLine;script:alert(1)",
    "&#1;javascript:alert(1)",
    "\x01javascript:alert(1)",
    "\u00a0javascript:alert(1)",
    "\u2028javascript:alert(1)",
    "<javascript:alert(1)>",
    "< javascript:alert(1)>",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "file:///etc/passwd",
    "blob:https://a.example/1",
    "view-source:javascript:alert(1)",
    "//evil.example/x",
    "/accounts/logout/",
    "\\\\evil.example\\x",
    "https:evil.example",
    "javascript://https://a.example/%0aalert(1)",
    "#main",
    "?q=1",
    "ws://a.example/",
    "feed:javascript:alert(1)",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "frame",
    ["[x]({})", "![x]({})", "<{}>", "[x]\n\n[x]: {}", "![x]\n\n[x]: {}", '[x](<{}> "t")', "[![x]({})](https://a.example)"],
)
def test_address_of_another_scheme_is_no_link(address: str, frame: str) -> None:
    soup = parse_allowed(render(frame.format(address)))

    for link in soup.find_all("a"):
        assert link["href"] == "https://a.example"
    assert not soup.find_all("button")


def test_link_opens_apart_and_tells_the_site_nothing() -> None:
    link = parse_allowed(render('[x](https://a.example/?a=1&b="2" "t<i>")')).a

    assert link is not None
    assert link["href"] == "https://a.example/?a=1&b=%222%22"
    assert (link["target"], link["title"]) == ("_blank", "t<i>")
    assert set(link.get_attribute_list("rel")) == {"noopener", "noreferrer", "nofollow"}


@pytest.mark.parametrize(
    "text", ["<https://a.example/x>", "[x](HTTPS://A.example)", "<me@a.example>", "[x](mailto:me@a.example)"]
)
def test_link_of_an_allowed_scheme_is_kept(text: str) -> None:
    link = parse_allowed(render(text)).a

    assert link is not None
    assert link["href"].lower().startswith(("https://a.example", "mailto:me@a.example"))


def test_image_is_a_button_that_loads_nothing() -> None:
    soup = parse_allowed(render('![a "cat"](https://img.example/cat.png?u=1&v=2 "t")'))

    assert not soup.find_all("img")
    button = soup.button
    assert button is not None
    assert (button["data-src"], button["data-alt"]) == ("https://img.example/cat.png?u=1&v=2", 'a "cat"')
    assert button["type"] == "button"
    assert "img.example" in button.get_text()


def test_data_image_shrinks_to_its_alternative_text() -> None:
    assert render("a ![cat](data:image/png;base64,AAAA) b") == "<p>a cat b</p>\n"


@pytest.mark.parametrize("host", ["https://", "https:///x", "https://[::1", "https://a.example\\@b.example/x", "http://\x00/"])
def test_image_with_a_broken_address_loads_nothing(host: str) -> None:
    for button in parse_allowed(render(f"![x]({host})")).find_all("button"):
        assert button["data-src"].startswith("http")


INFO_STRINGS = [
    'x" onclick="alert(1)',
    "x' autofocus onfocus=alert(1)",
    "<script>alert(1)</script>",
    "python class=card",
    "{.card #main}",
    "../../etc",
    "\u202epython",
    "a" * 500,
    "&quot; onclick=alert(1)",
]


@pytest.mark.parametrize("info", INFO_STRINGS)
@pytest.mark.parametrize("marks", ["```", "~~~", "``````"])
def test_fence_info_string_injects_nothing(info: str, marks: str) -> None:
    soup = parse_allowed(render(f"{marks} {info}\ncode\n{marks}"))

    assert soup.figure is not None and soup.figure.code is not None
    assert soup.figure.code.get_text() == "code\n"
    assert len(soup.figure.figcaption.span.get_text()) <= 30  # type: ignore[union-attr]
    assert not soup.find_all(class_="card")


FORMULAS = [
    r"\href{javascript:alert(1)}{x}",
    r"\class{card}{x}",
    r"\style{position:fixed}{x}",
    r"\unicode{x3c}",
    r"\text{<img src=x onerror=alert(1)>}",
    r"\text{&lt;script&gt;}",
    r"\mbox{</math><script>alert(1)</script>}",
    r"\color{red;background:url(//evil.example)}{x}",
    r"\textcolor{\"onclick=alert(1)}{x}",
    r"\begin{array}{c\"onclick=1}x\end{array}",
    r"\begin{matrix}",
    r"\frac{",
    r"\left(",
    r"}}}}",
    r"x^y^z",
    r"\hspace{1em\" onclick=\"x}",
    r"&#x3c;script&#x3e;",
    r"&#xD800; &#x0; &#xFFFFFF;",
    r"\newcommand{\a}{\a\a}\a",
    r"\def\a{\a}\a",
    "\\newcommand{\\a}{xxxxxxxxxx}"
    + "".join(f"\\newcommand{{\\{b}}}{{{a * 10}}}" for a, b in [(r"\a", "b"), (r"\b", "c"), (r"\c", "d")])
    + r"\d",
    "{" * 1500 + "x" + "}" * 1500,
    r"\frac" * 900,
    r"\sqrt" * 700 + "x",
    "x_" * 2000,
    "x" * 100_000,
    "\x00\u202e",
    r"\begin{align}" * 100,
]


@pytest.mark.parametrize("latex", FORMULAS)
@pytest.mark.parametrize("frame", ["${}$", "$${}$$", "\\({}\\)", "\\[\n{}\n\\]"])
def test_formula_injects_nothing_and_ends_soon(latex: str, frame: str) -> None:
    started = time.process_time()

    soup = parse_allowed(render(frame.replace("{}", latex)))

    assert time.process_time() - started < 2
    assert not soup.find_all("a")
    assert "red" not in str(soup.find_all(["math"]))


def test_formula_that_cannot_be_converted_shows_its_source() -> None:
    soup = parse_allowed(render(r"$\frac{<b>$"))

    assert soup.code is not None
    assert soup.code.get_text() == r"\frac{<b>"


def test_footnote_ids_cannot_take_the_place_of_the_pages_own() -> None:
    text = '[^main] [^"><script>]\n\n[^main]: a\n\n[^"><script>]: b\n'

    soup = parse_allowed(render(text))

    ids = [element["id"] for element in soup.find_all(id=True)]
    assert len(ids) == len(set(ids)) == 4
    targets = {link["href"] for link in soup.find_all("a")}
    assert targets == {f"#{name}" for name in ids}


def test_footnotes_of_two_messages_differ() -> None:
    first, second = (
        {element["id"] for element in BeautifulSoup(render(f"[^1]\n\n[^1]: {note}"), "html.parser").find_all(id=True)}
        for note in "ab"
    )

    assert first and second and not first & second


def test_unreferenced_footnote_is_not_lost() -> None:
    assert "the note" in parse_allowed(render("text\n\n[^1]: the note")).get_text()


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x85", "\u202e", "\u2066", "\ud800", "\udfff", "\ufffe"])
@pytest.mark.parametrize("frame", ["a{}b", "`a{}b`", "```\na{}b\n```", "$a{}b$", "[a{}b](https://a.example)"])
def test_dangerous_character_is_replaced(character: str, frame: str) -> None:
    html = render(frame.replace("{}", character))

    assert character not in html
    assert "a\ufffdb" in parse_allowed(html).get_text() or "$" in frame


COSTLY = {
    "one word": "a" * 1_000_000,
    "one line of words": "word " * 200_000,
    "brackets": "[" * 1_000_000,
    "brackets below the bound": "[" * 1_400,
    "images": "![" * 500_000,
    "images below the bound": "![" * 700,
    "stars": "**a *b " * 140_000,
    "backticks": "` `` " * 200_000,
    "backslashes": "\\" * 1_000_000,
    "entities": "&" * 1_000_000,
    "nested quotes": ">" * 10_000 + "x",
    "nested spaced quotes": "> " * 10_000 + "x",
    "nested lists": "- " * 10_000 + "x",
    "nested ordered lists": "1. " * 10_000 + "x",
    "stairs": "\n".join("  " * level + "- x" for level in range(400)),
    "open formulas": "$$x\n" * 40_000,
    "open brackets": "\\[x\n" * 40_000,
    "definitions": "[a]: b\n" * 20_000,
    "wide table": "|" + "a|" * 5_000 + "\n|" + "-|" * 5_000 + "\n" + "|x\n" * 10,
    "many filled tables": ("|" + "a|" * 90 + "\n|" + "-|" * 90 + "\n" + "|x\n" * 500 + "\n") * 20,
    "open fence": "```python\n" + '"""' * 30_000,
    "long fence": "```c\n" + "/*\n" * 300_000 + "```",
    "images in images": "![" * 300 + "x" + "](https://a.example)" * 300,
    "costly paragraphs": ("[^1" * 490 + "\n\n") * 200,
}


@pytest.mark.parametrize("name", COSTLY)
def test_costly_text_is_rendered_within_its_time_and_kept(name: str) -> None:
    text = COSTLY[name]
    render("warm")
    started = time.process_time()

    html = render(text)

    assert time.process_time() - started < 5
    assert "x" not in text or "x" in html


def test_a_megabyte_in_one_line_takes_less_than_a_second() -> None:
    render("warm")
    started = time.process_time()

    html = render("*a [b](" * 150_000)

    assert time.process_time() - started < 1
    assert len(html) > 1_000_000


@pytest.mark.parametrize(
    "text", [*SCRIPTS, *(f"[x]({address})" for address in ADDRESSES), *(f"$${latex}$$" for latex in FORMULAS)]
)
def test_hostile_text_is_harmless_while_it_streams(text: str) -> None:
    stream = BlockStream()

    for position in range(0, min(len(text), 400), 7):
        stream.append(text[position : position + 7])
        parse_allowed(stream.render_open())
    stream.finish()

    parse_allowed(stream.closed_html()[0])
