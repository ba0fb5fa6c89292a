"""Every sentence a person can meet is marked, translated and compiled. `scripts/messages` mends what fails here."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]
messages = runpy.run_path(str(ROOT / "scripts" / "messages"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
#: Names, which no language changes.
NAMES = {"Hearth", "· Hearth"}
SPOKEN_ATTRIBUTES = {"aria-label", "alt", "placeholder", "title", "data-fill", "aria-description"}


class VisibleText(HTMLParser):
    """Collects what a reader would see or hear of a template whose tags are blanked out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SPOKEN_ATTRIBUTES or (tag == "template" and name.startswith("data-")):
                self._take(value or "")

    def handle_data(self, data: str) -> None:
        self._take(data)

    def _take(self, text: str) -> None:
        text = " ".join(text.split())
        if re.search(r"[^\W\d_]{2}", text) and text not in NAMES:
            self.found.append(text)


def unmarked_text(source: str) -> list[str]:
    for name in ("comment", "blocktranslate", "blocktrans"):
        source = re.sub(rf"{{%\s*{name}\b.*?%}}.*?{{%\s*end{name}\s*%}}", "", source, flags=re.DOTALL)
    source = re.sub(r"{% block body_class %}.*?{% endblock %}", "", source)
    source = re.sub(r"{%.*?%}|{{.*?}}|{#.*?#}", "", source, flags=re.DOTALL)
    parser = VisibleText()
    parser.feed(source)
    return parser.found


@pytest.mark.parametrize("path", messages["catalogues"](), ids=lambda path: path.parts[-3])
def test_catalogue_is_complete_and_compiled(path: Path) -> None:
    assert messages["problems"](path, messages["collect"]()) == []


def test_simplified_chinese_is_there() -> None:
    with translation.override("zh-hans"):
        assert translation.gettext("New conversation") == "新对话"
        assert translation.ngettext("%(number)s message", "%(number)s messages", 2) % {"number": 2} == "2 条消息"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_visible_text_is_marked(path: Path) -> None:
    assert unmarked_text(path.read_text(encoding="utf-8")) == []


def test_unmarked_text_is_seen() -> None:
    source = """{% load i18n %}<p>{% translate "Fine" %} {{ name }} Not fine</p><img alt="Neither">{# nor this #}
    {% blocktranslate %}All right{% endblocktranslate %}<template data-word="Nor that"></template>"""

    assert unmarked_text(source) == ["Not fine", "Neither", "Nor that"]


def test_strings_are_collected_from_templates_and_code(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "webui").mkdir()
    (tmp_path / "templates" / "page.html").write_text(
        """<p title="{% translate 'One' %}">{% blocktranslate count n=n trimmed %}
        {{ n }} thing{% plural %}
        {{ n }} things{% endblocktranslate %}{% comment %}{% translate "Unseen" %}{% endcomment %}</p>"""
    )
    (tmp_path / "webui" / "code.py").write_text('_("Two " "halves"); ngettext("%(n)d day", "%(n)d days", n); gettext(variable)')

    found = messages["collect"](tmp_path)

    assert {text: marked.plural for (_, text), marked in found.items()} == {
        "One": "",
        "%(n)s thing": "%(n)s things",
        "Two halves": "",
        "%(n)d day": "%(n)d days",
    }


def test_faults_of_a_catalogue_are_named(tmp_path: Path) -> None:
    catalogue = polib.POFile()
    catalogue.metadata = messages["HEADER"]
    catalogue.append(polib.POEntry(msgid="Empty"))
    catalogue.append(polib.POEntry(msgid="Guess", msgstr="猜", flags=["fuzzy"]))
    catalogue.append(polib.POEntry(msgid="Gone", msgstr="没了"))
    catalogue.append(polib.POEntry(msgid="Hello %(name)s", msgstr="你好"))
    catalogue.append(polib.POEntry(msgid="Old", msgstr="旧", obsolete=True))
    path = tmp_path / "django.po"
    catalogue.save(str(path))
    marked = messages["Marked"]
    texts = ("Empty", "Guess", "Hello %(name)s", "New")

    found = messages["problems"](path, {("", text): marked() for text in texts})

    assert found == [
        "not in the catalogue, run scripts/messages: 'New'",
        "no longer in the source, run scripts/messages: 'Gone'",
        "obsolete: 'Old'",
        "not translated: 'Empty'",
        "not translated: 'Guess'",
        "other placeholders than the source: 'Hello %(name)s'",
        "django.mo is out of date, run scripts/messages",
    ]


def test_writing_keeps_translations_and_drops_what_is_gone(tmp_path: Path) -> None:
    catalogue = polib.POFile()
    catalogue.append(polib.POEntry(msgid="Kept", msgstr="留"))
    catalogue.append(polib.POEntry(msgid="Gone", msgstr="没了"))
    path = tmp_path / "django.po"
    catalogue.save(str(path))
    marked = messages["Marked"]

    messages["write"](path, {("", "Kept"): marked(places={"a.html"}), ("", "New"): marked(places={"b.html"})})

    assert {entry.msgid: entry.msgstr for entry in polib.pofile(str(path))} == {"Kept": "留", "New": ""}
    assert polib.mofile(str(path.with_suffix(".mo"))).find("Kept").msgstr == "留"
