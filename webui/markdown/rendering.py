"""From a text, or one block of it, to final HTML: make it harmless, parse, render, sanitise."""

import logging
from html import escape
from typing import TYPE_CHECKING, Any

from webui.markdown.characters import neutralise

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

logger = logging.getLogger(__name__)

# Characters; a longer text is shown plain. Nothing people read is this long, and parsing takes about a second a megabyte.
MAX_TEXT = 2_000_000


def render(text: str) -> "SafeString":
    """Return the HTML of a whole message. Any text at all is accepted; what cannot be rendered is shown as it was written."""
    from django.utils.safestring import SafeString

    return SafeString(render_block(text, {}))


def render_block(text: str, references: dict[str, Any]) -> str:
    """Return the sanitised HTML of Markdown; `references` holds earlier blocks' link definitions and takes up this one's."""
    from webui.markdown.sanitizer import sanitize

    return sanitize(_unsafe_html(neutralise(text), references))


def plain_html(text: str) -> str:
    """Return text shown as it is, line breaks kept."""
    return f'<div class="raw-text">{escape(text, quote=False)}</div>\n' if text else ""


def _unsafe_html(text: str, references: dict[str, Any]) -> str:
    from webui.markdown.limits import start_clock
    from webui.markdown.parser import parser

    if len(text) > MAX_TEXT:
        return plain_html(text)
    try:
        return str(parser().render(text, start_clock({"references": references})))
    except Exception:
        # Whatever a parser's defect on hostile input may be, it must not make a conversation unreadable.
        logger.exception("A text of %d characters could not be rendered and is shown plain", len(text))
        return plain_html(text)
