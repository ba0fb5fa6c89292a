"""Rules that bound the parser's work on hostile input. What is beyond a bound is shown as plain text, never dropped."""

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# Levels of nested containers; markdown-it silently drops what lies deeper than its own maxNesting of 100.
MAX_LEVEL = 40
# Characters of one paragraph, heading or cell. Beyond it, and beyond so many marks, the inline parser's worst cases cost seconds.
MAX_INLINE = 20_000
MAX_MARKS = 3_000
_MARKS = "*_[]~`<!$\\"


def install_limits(parser: MarkdownIt) -> None:
    """Add the bounds to a parser that has all its other rules."""
    parser.block.ruler.before("table", "too_deep", too_deep)
    parser.core.ruler.at("inline", bounded_inline)


def too_deep(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take everything that is nested too deeply as one plain paragraph."""
    if silent or state.level < MAX_LEVEL:
        return False
    state.line = end_line
    state.push("paragraph_open", "p", 1).map = [start_line, end_line]
    token = state.push("inline", "", 0)
    token.content = state.getLines(start_line, end_line, state.blkIndent, False).strip()
    token.map = [start_line, end_line]
    token.children = [_text(token.content)]
    token.meta = {"plain": True}
    state.push("paragraph_close", "p", -1)
    return True


def bounded_inline(state: StateCore) -> None:
    """Parse each block's text, or leave it plain where that could take long."""
    for token in state.tokens:
        if token.type != "inline" or token.meta.get("plain"):
            continue
        if _is_costly(token.content):
            token.children = [_text(token.content)]
        else:
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _is_costly(content: str) -> bool:
    return len(content) > MAX_INLINE or (len(content) > MAX_MARKS and sum(map(content.count, _MARKS)) > MAX_MARKS)


def _text(content: str) -> Token:
    token = Token("text", "", 0)
    token.content = content
    return token
