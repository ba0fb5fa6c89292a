"""The last step: an allow-list of elements, attributes, classes and addresses, whatever the renderer made before."""

import re
from functools import cache

import nh3
from pygments.token import STANDARD_TYPES

ID_PREFIX = "md-"

_FLOW = {"p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li", "div", "section", "figure", "figcaption", "pre"}
_TEXT = {"a", "em", "strong", "s", "code", "span", "sup", "button"}
_TABLE = {"table", "thead", "tbody", "tr", "th", "td"}
_MATH_TAGS = """
math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts mprescripts none
mtable mtr mtd mlabeledtr mpadded mphantom mstyle menclose mfenced
"""
# Sizes, spacing and variants only: nothing that takes an address, a name, a style or a script.
_MATH_ATTRIBUTES = """
accent accentunder columnalign columnlines columnspacing depth displaystyle fence form frame height largeop linebreak
linethickness lspace mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace scriptlevel separator
stretchy symmetric voffset width
"""
_MATH = frozenset(_MATH_TAGS.split())
_ALIGNMENTS = {"align-left", "align-center", "align-right"}

_CLASSES: dict[str, set[str]] = {
    "a": {"footnote-back"},
    "button": {"copy", "remote-image"},
    "code": {"formula-source"},
    "div": {"table-scroll", "formula", "footnote-note", "raw-text"},
    "figure": {"code"},
    "li": {"task"},
    "ul": {"tasks"},
    "ol": {"tasks"},
    "section": {"footnotes"},
    "span": {name for name in STANDARD_TYPES.values() if name} | {"task-box", "done", "footnote-label"},
    "sup": {"footnote-reference"},
    "td": _ALIGNMENTS,
    "th": _ALIGNMENTS,
}

_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title", "id"},
    "button": {"data-src", "data-alt"},
    "div": {"tabindex"},
    "li": {"id"},
    "ol": {"start"},
    "pre": {"tabindex"},
    "section": {"aria-label"},
    "span": {"aria-label"},
}

_FIXED_VALUES: dict[str, dict[str, set[str]]] = {
    "a": {"target": {"_blank"}},
    "button": {"type": {"button"}},
    "span": {"role": {"img"}},
    "math": {"display": {"inline", "block"}},
}

_FOOTNOTE_LINK = re.compile(rf"#{ID_PREFIX}fn[\w-]{{1,80}}\Z", re.ASCII)
_FOOTNOTE_ID = re.compile(rf"(?:{ID_PREFIX})?fn[\w-]{{1,80}}\Z", re.ASCII)
_REMOTE_IMAGE = re.compile(r"https?://[^\s\"'<>]+\Z", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,9}\Z", re.ASCII)
_CHECKED = {"id": _FOOTNOTE_ID, "data-src": _REMOTE_IMAGE, "start": _NUMBER, "tabindex": re.compile(r"0\Z")}


def sanitize(html: str) -> str:
    """Return HTML that holds nothing but what Hearth's renderer is meant to make.

    Elements outside the list are unwrapped or dropped with their content (script, style), attributes outside it removed.
    """
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    attributes = _ATTRIBUTES | {tag: set(_MATH_ATTRIBUTES.split()) for tag in _MATH}
    return nh3.Cleaner(
        tags=_FLOW | _TEXT | _TABLE | _MATH,
        attributes=attributes,
        attribute_filter=_filter_attribute,
        tag_attribute_values=_FIXED_VALUES,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "mailto"},
        url_relative=_filter_relative_link,
        link_rel="noopener noreferrer nofollow",
        id_prefix=ID_PREFIX,
    )


def _filter_attribute(_tag: str, name: str, value: str) -> str | None:
    pattern = _CHECKED.get(name)
    return value if pattern is None or pattern.match(value) else None


def _filter_relative_link(link: str) -> str | None:
    return link if _FOOTNOTE_LINK.match(link) else None
