"""Which addresses may be links or images, and what becomes of the others."""

import re
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_IMAGE = re.compile(r"https?://", re.IGNORECASE)
# data: is never an address in the page, but must be recognised for its image to shrink to the alternative text.
_ALLOWED_SCHEMES = ("http:", "https:", "mailto:", "data:")


def install_links(parser: MarkdownIt) -> None:
    """Refuse other schemes while parsing, so that such a link stays visible as text, and resolve the rest afterwards."""
    parser.validateLink = is_link_allowed  # type: ignore[method-assign]
    parser.core.ruler.after("inline", "links", resolve_links)


def is_link_allowed(url: str) -> bool:
    """Tell whether an address, its entities decoded, may be a link. One without a scheme may, and becomes its text alone."""
    scheme = _SCHEME.match(url.strip())
    return scheme is None or scheme[0].lower() in _ALLOWED_SCHEMES


def image_host(source: str) -> str:
    """Return the host an image would be loaded from, or nothing if it may not be loaded at all."""
    if not _IMAGE.match(source):
        return ""
    try:
        return urlsplit(source).hostname or ""
    except ValueError:
        return ""


def resolve_links(state: StateCore) -> None:
    """Drop links that lead nowhere from here (relative ones, anchors) but keep their text; mark images that stand in links."""
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _resolve(token.children)


def _resolve(tokens: list[Token]) -> list[Token]:
    kept: list[Token] = []
    open_links: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            open_links.append(_LINK.match(str(token.attrGet("href") or "")) is not None)
            if not open_links[-1]:
                continue
        elif token.type == "link_close":
            if open_links and not open_links.pop():
                continue
        elif token.type == "image":
            token.meta["is_in_link"] = any(open_links)
        kept.append(token)
    return kept
