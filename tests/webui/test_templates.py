"""What every template keeps to: nothing inline, a token in every form, names for everything, small scripts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if re.search(r"{% extends|<!doctype", path.read_text(encoding="utf-8"))]
SCRIPTS = sorted((ROOT / "static" / "js").glob("*.js"))
STYLES = sorted((ROOT / "static" / "css").glob("*.css"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


class Markup(HTMLParser):
    """Elements with their attributes, and the text inside each `script` and `style`. Template tags are left in place."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inline: list[str] = []
        self._within = ""
        self.feed(re.sub(r"{%.*?%}", "", source, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style") and data.strip():
            self.inline.append(data)

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def inline_code(source: str) -> list[str]:
    markup = Markup(source)
    found = list(markup.inline) + ["style element" for _ in markup.all("style")]
    for tag, attributes in markup.elements:
        found += [f"{tag} {name}" for name in attributes if name == "style" or name.startswith(("on", "hx-on", "hx-vars"))]
        found += [
            f"{tag} {name}" for name, value in attributes.items() if value.strip().lower().startswith(("javascript:", "js:"))
        ]
    return found


def forms_without_token(source: str) -> list[str]:
    forms = re.findall(r"<form\b(?:[^>%]|%(?!})|%})*>.*?</form>", source, flags=re.DOTALL)
    return [form[:80] for form in forms if 'method="get"' not in form and "{% csrf_token %}" not in form]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_template_has_nothing_inline(path: Path) -> None:
    assert inline_code(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_form_carries_a_token(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert forms_without_token(source) == []
    assert source.count("<form") == source.count("</form>")


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_controls_and_images_have_names(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    markup = Markup(source)
    labels = {attributes["for"] for attributes in markup.all("label") if "for" in attributes}
    controls = [attributes for attributes in markup.all("input", "select", "textarea") if attributes.get("type") != "hidden"]
    buttons = re.findall(
        r"<(button|a)\b([^>]*)>(.*?)</\1>", re.sub(r"{%\s*(?!translate|blocktranslate)[^%]*%}", "", source), flags=re.DOTALL
    )
    icon_buttons = [start for _, start, inside in buttons if "icon-only" in start and "visually-hidden" not in inside]

    assert [attributes for attributes in markup.all("img") if "alt" not in attributes] == []
    assert [attributes for attributes in controls if attributes.get("id") not in labels and "aria-label" not in attributes] == []
    assert [start for start in icon_buttons if "aria-label=" not in start] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_page_has_a_title(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert re.search(r"{% block title %}|<title>", source) or path.name == "page.html"


def test_base_page_names_its_language_and_way_past_the_header() -> None:
    source = (ROOT / "templates" / "base.html").read_text(encoding="utf-8")

    assert '<html lang="{{ LANGUAGE_CODE }}"' in source
    assert 'class="skip-link" href="#main"' in source
    assert source.count('id="main"') == 1


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_script_stays_small_and_plain(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert len(source.splitlines()) <= 150
    assert re.findall(r"\beval\(|new Function|document\.write|setAttribute\(\"(?:style|on)", source) == []


def test_only_the_socket_module_opens_a_socket() -> None:
    assert [path.name for path in SCRIPTS if "new WebSocket" in path.read_text(encoding="utf-8")] == ["socket.js"]


@pytest.mark.parametrize("path", STYLES, ids=name_of)
def test_style_keeps_to_layers_and_tokens(path: Path) -> None:
    source = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    assert "!important" not in source
    assert re.findall(r"url\(\"?(?!\"?data:)", source) == []
    assert source.count("{") == source.count("}")
    assert "@layer" in source


def test_no_font_or_file_comes_from_elsewhere() -> None:
    sources = [path.read_text(encoding="utf-8") for path in [*TEMPLATES, *SCRIPTS, *STYLES]]

    assert [
        line for source in sources for line in re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]*|@font-face|@import", source)
    ] == []


def test_server_error_page_needs_no_request(collected_static: None) -> None:
    html = render_to_string("errors/500.html")

    assert "<h1>Something went wrong</h1>" in html
    assert 'lang="en"' in html


@pytest.mark.parametrize("name", ["403", "403_csrf", "404", "429"])
def test_error_page_says_what_to_do(name: str, collected_static: None) -> None:
    from django.contrib.auth.models import AnonymousUser

    html = render_to_string(f"errors/{name}.html", {"user": AnonymousUser()}, RequestFactory().get("/"))

    assert html.count("<h1>") == 1
    assert 'class="button primary" href="/"' in html


def test_faults_are_seen() -> None:
    assert inline_code("<p style='x'>") == ["p style"]
    assert inline_code("<script>go()</script>") == ["go()"]
    assert inline_code("<a href='javascript:go()' hx-on:click='x'>") == ["a hx-on:click", "a href"]
    assert forms_without_token("<form method='post'></form>") == ["<form method='post'></form>"]
    assert forms_without_token('<form method="get"></form>') == []
