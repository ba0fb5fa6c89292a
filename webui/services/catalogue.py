"""The runtime's catalogue of models worth having, in the person's language, and finding something in it."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from webui.services.estimates import PATIENCE, Estimate, read_estimate
from webui.services.inference_events import plain_text
from webui.services.runtime_api import call

#: What a model can be wanted for; the codes are the runtime's capabilities, but for `code`, which is a kind of text.
PURPOSES: dict[str, str | Promise] = {
    "completion": _("Chat"),
    "thinking": _("Thinking"),
    "tools": _("Tools"),
    "vision": _("Pictures"),
    "insert": _("Code completion"),
    "embedding": _("Search (embeddings)"),
    "rerank": _("Sorting results (rerank)"),
}
#: The languages that families are commonly chosen by; others are shown by their code.
LANGUAGES: dict[str, str | Promise] = {
    "zh": _("Chinese"),
    "en": _("English"),
    "ja": _("Japanese"),
    "ko": _("Korean"),
    "de": _("German"),
    "fr": _("French"),
    "es": _("Spanish"),
    "ru": _("Russian"),
}
_SHOWN_LANGUAGES = 4


@dataclass(frozen=True)
class Size:
    """One model that can be downloaded."""

    name: str
    estimate: Estimate
    quantization: str
    context: int
    is_installed: bool

    @property
    def tag(self) -> str:
        """What tells it from its brothers: "8b" of qwen3:8b."""
        return self.name.rpartition(":")[2] or self.name


@dataclass(frozen=True)
class Family:
    """Models of one name in several sizes. Texts are in the person's language."""

    key: str
    title: str
    vendor: str
    summary: str
    good_for: str
    license: str
    languages: tuple[str, ...]
    capabilities: tuple[str, ...]
    sizes: tuple[Size, ...]

    @property
    def language_names(self) -> list[str | Promise]:
        """The first few: those it knows best."""
        return [LANGUAGES.get(code, code) for code in self.languages[:_SHOWN_LANGUAGES]]

    @property
    def more_languages(self) -> int:
        return max(0, len(self.languages) - _SHOWN_LANGUAGES)

    @property
    def purposes(self) -> list[str | Promise]:
        return [PURPOSES[word] for word in self.capabilities if word in PURPOSES]

    def matches(self, words: list[str]) -> bool:
        """Whether every word is somewhere in what is said of the family."""
        text = " ".join((self.key, self.title, self.vendor, self.summary, self.good_for, *(size.name for size in self.sizes)))
        folded = text.casefold()
        return all(word in folded for word in words)


def catalogue() -> list[Family]:
    """In the runtime's order, the most useful first. Raises RuntimeFailure."""
    language = "zh-hans" if (get_language() or "").startswith("zh") else "en"
    answer = call("GET", f"/api/hearth/catalogue?language={language}", timeout=PATIENCE)
    listed = answer.get("families") if isinstance(answer, dict) else None
    return [_family(entry) for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def find_families(
    families: list[Family], *, query: str = "", purpose: str = "", language: str = "", only_fitting: bool = False
) -> list[Family]:
    """Those that match everything asked for; with `only_fitting`, each with the sizes that fit this machine."""
    words = query.casefold().split()
    found = [
        family
        for family in families
        if family.matches(words)
        and (not purpose or purpose in family.capabilities)
        and (not language or language in family.languages)
    ]
    if not only_fitting:
        return found
    fitting = [Family(**{**vars(family), "sizes": tuple(s for s in family.sizes if s.estimate.is_good)}) for family in found]
    return [family for family in fitting if family.sizes]


def _family(entry: dict[str, Any]) -> Family:
    sizes = entry.get("sizes")
    return Family(
        key=_text(entry.get("family")),
        title=_text(entry.get("title")),
        vendor=_text(entry.get("vendor")),
        summary=_text(entry.get("summary")),
        good_for=_text(entry.get("good_for")),
        license=_text(entry.get("license")),
        languages=_texts(entry.get("languages")),
        capabilities=_texts(entry.get("capabilities")),
        sizes=tuple(_size(size) for size in sizes if isinstance(size, dict)) if isinstance(sizes, list) else (),
    )


def _size(entry: dict[str, Any]) -> Size:
    context = entry.get("context")
    return Size(
        name=_text(entry.get("name")),
        estimate=read_estimate(entry.get("estimate")),
        quantization=_text(entry.get("quantization")),
        context=context if isinstance(context, int) else 0,
        is_installed=entry.get("installed") is True,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(word) for word in value) if isinstance(value, list) else ()


def _text(value: object) -> str:
    return plain_text(value)[:500]
