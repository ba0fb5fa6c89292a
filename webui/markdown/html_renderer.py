"""Tokens to HTML. What it makes is still passed through the sanitiser; see `sanitizer` for what a page can hold."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from django.utils.translation import gettext
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from webui.markdown.highlighting import highlight
from webui.markdown.limits import is_late
from webui.markdown.links import image_host
from webui.markdown.mathml import formula_html

# A page has one h1 and the conversation its h2: an answer's own outline begins below them.
_HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6", "h6": "h6"}
_LANGUAGE = re.compile(r"[\w+#./-]{1,30}", re.ASCII)

Tokens = Sequence[Token]


def fence_head(info: str) -> str:
    """Return the HTML before a fence's code: a figure with the language's name, taken from the info string, and a copy button."""
    name = escape(fence_language(info))
    button = f'<button type="button" class="copy">{escape(gettext("Copy"))}</button>'
    return f'<figure class="code"><figcaption><span>{name}</span>{button}</figcaption><pre tabindex="0"><code>'


FENCE_TAIL = "</code></pre></figure>"


def fence_language(info: str) -> str:
    """Return the first word of a fence's info string if it can be a language's name, else nothing."""
    words = info.split(maxsplit=1)
    found = _LANGUAGE.match(words[0].lstrip("{.")) if words else None
    return found[0] if found else ""


class HtmlRenderer(RendererHTML):
    """Renders Hearth's tokens; every method is markdown-it's rule for the token type of its name."""

    def heading_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"<{_HEADINGS[tokens[idx].tag]}>"

    def heading_close(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"</{_HEADINGS[tokens[idx].tag]}>\n"

    def fence(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        token = tokens[idx]
        code = highlight(token.content, "" if is_late(env) else fence_language(token.info))
        return f"{fence_head(token.info)}{code}{FENCE_TAIL}\n"

    def code_block(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return f"{fence_head('')}{escape(tokens[idx].content, quote=False)}{FENCE_TAIL}\n"

    def formula(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return formula_html(tokens[idx].content, display=tokens[idx].meta["display"], is_plain=is_late(env))

    def formula_block(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        content = formula_html(tokens[idx].content, display=True, is_plain=is_late(env))
        return f'<div class="formula" tabindex="0">{content}</div>\n'

    def table_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return '<div class="table-scroll" tabindex="0"><table>\n'

    def table_close(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return _cell(tokens[idx])

    def td_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return _cell(tokens[idx])

    def list_item_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        token = tokens[idx]
        checked = token.meta.get("checked")
        if checked is None:
            return self.renderToken(tokens, idx, options, env)
        label, mark = (gettext("Done"), " done") if checked else (gettext("To do"), "")
        return f'<li class="task"><span class="task-box{mark}" role="img" aria-label="{escape(label)}"></span> '

    def bullet_list_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return _list_open(tokens[idx])

    def ordered_list_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        return _list_open(tokens[idx])

    def link_open(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        href, title = (str(tokens[idx].attrGet(name) or "") for name in ("href", "title"))
        shown = f' title="{escape(title)}"' if title else ""
        return f'<a href="{escape(href)}"{shown} target="_blank">'

    def image(self, tokens: Tokens, idx: int, options: Any, env: Any) -> str:
        token = tokens[idx]
        alt = self.renderInlineAsText(token.children, options, env)
        source = str(token.attrGet("src") or "")
        host = image_host(source)
        if not host or token.meta.get("is_in_link"):
            return escape(alt, quote=False)
        label = gettext("Load image from %(host)s") % {"host": host}
        shown = f"{alt} · {label}" if alt else label
        attributes = f'data-src="{escape(source)}" data-alt="{escape(alt)}"'
        return f'<button type="button" class="remote-image" {attributes}>{escape(shown, quote=False)}</button>'


def _cell(token: Token) -> str:
    alignment = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f'<{token.tag} class="align-{alignment}">' if alignment else f"<{token.tag}>"


def _list_open(token: Token) -> str:
    start = token.attrGet("start")
    tasks = ' class="tasks"' if "contains-task-list" in str(token.attrGet("class") or "") else ""
    return f"<{token.tag}{tasks}>\n" if start is None else f'<{token.tag}{tasks} start="{start}">\n'
