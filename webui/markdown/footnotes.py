"""Footnotes: numbered at the end when something refers to them, else left where they stand, so that no text is lost.

The block parser and the references are mdit-py-plugins'; this adds the unreferenced ones and Hearth's own HTML.
"""

import hashlib
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from webui.markdown.sanitizer import ID_PREFIX

Tokens = Sequence[Token]
Env = Any


def install_footnotes(parser: MarkdownIt) -> None:
    """Add the rule and the HTML to a parser that uses the footnote plug-in."""
    parser.core.ruler.before("footnote_tail", "unreferenced_footnotes", keep_unreferenced)
    for name, rule in _RENDER_RULES.items():
        parser.add_render_rule(name, rule)


def keep_unreferenced(state: StateCore) -> None:
    """Take definitions that nothing refers to out of the plug-in's hands: they become notes in place."""
    notes = state.env.get("footnotes")
    if not notes:
        return
    state.env["footnote_key"] = hashlib.sha256(state.src.encode("utf-8", "replace")).hexdigest()[:8]
    referenced = {note.get("label") for note in notes.get("list", {}).values()}
    kept: list[bool] = []
    for token in state.tokens:
        if token.type == "footnote_reference_open":
            kept.append(token.meta["label"] not in referenced)
            if kept[-1]:
                token.type = "footnote_note_open"
        elif token.type == "footnote_reference_close" and kept and kept.pop():
            token.type = "footnote_note_close"


def _name(token: Token, env: Env) -> str:
    return f"{env['footnote_key']}-{token.meta['id'] + 1}"


def _back_name(token: Token, env: Env) -> str:
    return f"{_name(token, env)}-{token.meta.get('subId', 0)}"


def _reference(_self: Any, tokens: Tokens, index: int, _options: Any, env: Env) -> str:
    token = tokens[index]
    link = f'<a href="#{ID_PREFIX}fn-{_name(token, env)}" id="fnref-{_back_name(token, env)}">{token.meta["id"] + 1}</a>'
    return f'<sup class="footnote-reference">{link}</sup>'


def _section_open(_self: Any, _tokens: Tokens, _index: int, _options: Any, _env: Env) -> str:
    from django.utils.translation import gettext

    return f'<section class="footnotes" aria-label="{escape(gettext("Footnotes"))}">\n<ol>\n'


def _section_close(_self: Any, _tokens: Tokens, _index: int, _options: Any, _env: Env) -> str:
    return "</ol>\n</section>\n"


def _item_open(_self: Any, tokens: Tokens, index: int, _options: Any, env: Env) -> str:
    return f'<li id="fn-{_name(tokens[index], env)}">'


def _item_close(_self: Any, _tokens: Tokens, _index: int, _options: Any, _env: Env) -> str:
    return "</li>\n"


def _back(_self: Any, tokens: Tokens, index: int, _options: Any, env: Env) -> str:
    # The variation selector keeps iOS from showing the arrow as an emoji.
    return f' <a href="#{ID_PREFIX}fnref-{_back_name(tokens[index], env)}" class="footnote-back">\u21a9\ufe0e</a>'


def _note_open(_self: Any, tokens: Tokens, index: int, _options: Any, _env: Env) -> str:
    label = escape(tokens[index].meta["label"])
    return f'<div class="footnote-note"><span class="footnote-label">{label}</span>\n'


def _note_close(_self: Any, _tokens: Tokens, _index: int, _options: Any, _env: Env) -> str:
    return "</div>\n"


_RENDER_RULES = {
    "footnote_ref": _reference,
    "footnote_block_open": _section_open,
    "footnote_block_close": _section_close,
    "footnote_open": _item_open,
    "footnote_close": _item_close,
    "footnote_anchor": _back,
    "footnote_note_open": _note_open,
    "footnote_note_close": _note_close,
}
