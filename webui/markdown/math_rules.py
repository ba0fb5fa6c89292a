r"""Where formulas are: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` in a line or on lines of their own.

A display formula holds no blank line and not its own delimiter, so one look ahead ends at the next delimiter or blank line:
the work stays linear, and text that comes later cannot turn a finished paragraph into a formula.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_CLOSING = {"$$": "$$", "\\[": "\\]", "\\(": "\\)", "$": "$"}
_ASCII_WORD = re.compile(r"[0-9A-Za-z]")
_ORDINAL = re.compile(r"(?:th|st|nd|rd|s)(?![0-9A-Za-z])")


def install_math_rules(parser: MarkdownIt) -> None:
    """Add the rules; tokens are `formula` (inline, `meta["display"]`) and `formula_block`."""
    interrupted = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("fence", "formula_block", formula_block, interrupted)  # type: ignore[arg-type]
    parser.inline.ruler.before("escape", "formula", formula)


def formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Recognise a display formula that begins a line and ends one."""
    if state.is_code_block(start_line):
        return False
    start = state.bMarks[start_line] + state.tShift[start_line]
    opening = state.src[start : start + 2]
    if opening not in ("$$", "\\[") or start + 2 > state.eMarks[start_line]:
        return False
    found = _closing_line(state, start_line, end_line, opening)
    if found is None:
        return False
    if silent:
        return True
    line, content_end = found
    state.line = line + 1
    token = state.push("formula_block", "math", 0)
    token.content = _content(state, start_line, start + 2, line, content_end)
    token.map = [start_line, state.line]
    return True


def _closing_line(state: StateBlock, start_line: int, end_line: int, opening: str) -> tuple[int, int] | None:
    """Return the line that ends the formula and where its content ends, or None if it is none."""
    closing = _CLOSING[opening]
    start = position = state.bMarks[start_line] + state.tShift[start_line] + 2
    for line in range(start_line, end_line):
        end = state.eMarks[line]
        if line > start_line:
            if state.isEmpty(line) or state.sCount[line] < state.blkIndent:
                return None
            position = state.bMarks[line] + state.tShift[line]
        found = state.src.find(closing, position, end)
        if found >= 0:
            is_empty = line - start_line < 2 and not state.src[start:found].strip()
            return None if is_empty or state.src[found + 2 : end].strip() else (line, found)
        if opening != closing and state.src.find(opening, position, end) >= 0:
            return None
    return None


def _content(state: StateBlock, start_line: int, start: int, end_line: int, end: int) -> str:
    """Join the formula's lines without the marks of the quotes and lists around it."""
    if start_line == end_line:
        return state.src[start:end]
    lines = [state.src[start : state.eMarks[start_line]]]
    lines += [state.src[state.bMarks[line] : state.eMarks[line]] for line in range(start_line + 1, end_line)]
    return "\n".join([*lines, state.src[state.bMarks[end_line] : end]])


def formula(state: StateInline, silent: bool) -> bool:
    """Recognise a formula within text."""
    source, start = state.src, state.pos
    if source[start] not in "$\\":
        return False
    opening = source[start : start + 2]
    if opening not in ("$$", "\\[", "\\("):
        opening = "$"
        if source[start] != "$":
            return False
    end = source.find(_CLOSING[opening], start + len(opening), state.posMax)
    content = source[start + len(opening) : end]
    if end < 0 or not content.strip() or (opening == "$" and not _is_dollar_formula(state, content, end)):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = content
        token.meta = {"display": opening in ("$$", "\\[")}
    state.pos = end + len(opening)
    return True


def _is_dollar_formula(state: StateInline, content: str, end: int) -> bool:
    """Tell a formula from prices and shell variables, as Pandoc does and a little stricter."""
    source, start = state.src, state.pos
    if content[0].isspace() or content[-1].isspace() or content[-1] == "\\" or "`" in content or "\n\n" in content:
        return False
    if start and _ASCII_WORD.match(source, start - 1):
        return False
    return not _ASCII_WORD.match(source, end + 1) or _ORDINAL.match(source, end + 1) is not None
