"""Rules that bound the parser's work on hostile input. What is beyond a bound is shown as plain text, never dropped."""

import time
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as table_rule
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# Levels of nested containers; markdown-it silently drops what lies deeper than its own maxNesting of 100.
MAX_LEVEL = 40
# Characters of one paragraph, heading or cell, and how many of them may be marks: the inline parser's worst cases are quadratic.
MAX_INLINE = 20_000
MAX_MARKS = 1_500
_MARKS = "*_[]~`<!$\\"
# A short row is filled up with empty cells, so a few bytes can make thousands of them.
MAX_COLUMNS = 100
MAX_CELLS = 20_000
# Seconds of this thread's processor time one text may take before the rest of it stays plain; a busy machine takes nothing away.
TIME_LIMIT = 2.5


def install_limits(parser: MarkdownIt) -> None:
    """Add the bounds to a parser that has all its other rules."""
    parser.block.ruler.before("table", "plain_rest", plain_rest)
    parser.block.ruler.at("table", bounded_table, {"alt": ["paragraph", "reference"]})
    parser.core.ruler.at("inline", bounded_inline)


def start_clock(env: dict[str, Any]) -> dict[str, Any]:
    """Return the parser's environment with the time after which `is_late` holds."""
    env["deadline"] = time.thread_time() + TIME_LIMIT
    return env


def is_late(env: Any) -> bool:
    """Tell whether a text has had its time. Without a clock it has all the time it wants."""
    deadline = env.get("deadline")
    return deadline is not None and time.thread_time() > deadline


def plain_rest(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Take everything that is nested too deeply, or comes too late, as one plain paragraph."""
    if silent or (state.level < MAX_LEVEL and not is_late(state.env)):
        return False
    state.line = end_line
    state.push("paragraph_open", "p", 1).map = [start_line, end_line]
    token = state.push("inline", "", 0)
    token.content = state.getLines(start_line, end_line, state.blkIndent, False).strip()
    token.map = [start_line, end_line]
    token.meta = {"is_plain": True}
    state.push("paragraph_close", "p", -1)
    return True


def bounded_table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Recognise a table unless it is too wide, or the tables before it have used up the cells."""
    first, end = state.bMarks[start_line], state.eMarks[start_line]
    cells = state.env.get("cells", 0)
    if state.src.count("|", first, end) > MAX_COLUMNS or cells > MAX_CELLS or not table_rule(state, start_line, end_line, silent):
        return False
    if not silent:
        state.env["cells"] = cells + state.src.count("|", first, end) * (state.line - start_line)
    return True


def bounded_inline(state: StateCore) -> None:
    """Parse each block's text, or leave it plain where that could take long."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        if token.meta.get("is_plain") or _is_costly(token.content) or is_late(state.env):
            text = Token("text", "", 0)
            text.content = token.content
            token.children.append(text)
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _is_costly(content: str) -> bool:
    return len(content) > MAX_INLINE or (len(content) > MAX_MARKS and sum(map(content.count, _MARKS)) > MAX_MARKS)
