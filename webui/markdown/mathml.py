"""LaTeX to MathML Core through latex2mathml, whose element tree is written out here.

Its own `convert` undoes all escaping at the end, so a `\\text{<img onerror=…>}` would come out as an element.
"""

import logging
import re
from functools import lru_cache
from html import escape
from xml.etree.ElementTree import Element

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 4_000
MAX_NESTING = 40

# Definitions can double their text at every level; the others set links, classes, styles, colours or raw characters.
_REFUSED = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|[egx]?def|let|DeclareMathOperator|(?:re)?newenvironment"
    r"|href|url|class|style|cssId|html\w*|data|unicode|includegraphics|require|verb|input|include)(?![a-zA-Z])"
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
# latex2mathml writes symbols into its text nodes as references like &#x0221E;.
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
_DROPPED_ATTRIBUTES = {"class", "style", "href", "id", "xmlns", "mathcolor", "mathbackground", "border-color"}


def formula_html(latex: str, *, display: bool, is_plain: bool = False) -> str:
    """Return MathML for a formula, or its escaped source in `<code class="formula-source">` if `is_plain` or not convertible."""
    latex = latex.strip()
    converted = None if is_plain else _convert(latex, display)
    return converted or f'<code class="formula-source">{escape(latex, quote=False)}</code>'


@lru_cache(maxsize=512)
def _convert(latex: str, display: bool) -> str | None:
    if not latex or len(latex) > MAX_CHARACTERS or _REFUSED.search(latex) or not _is_well_nested(latex):
        return None
    from latex2mathml.converter import Converter

    kind = "block" if display else "inline"
    try:
        tree = Converter(display=kind).convert_to_element(latex)
        rows = "".join(_write(child) for child in tree)
    except Exception as error:
        # The converter raises its own errors, but also IndexError, StopIteration, AttributeError and RecursionError on bad input.
        logger.debug("Formula not converted: %s", type(error).__name__)
        return None
    return f'<math display="{kind}">{rows}</math>'


def _is_well_nested(latex: str) -> bool:
    """Tell whether every brace has its counterpart, at a bearable depth; the converter makes half a fraction of half of one."""
    depth = deepest = 0
    for match in _BRACE.finditer(latex):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        deepest = max(deepest, depth if depth >= 0 else MAX_NESTING + 1)
    return depth == 0 and deepest <= MAX_NESTING


def _write(element: Element) -> str:
    attributes = "".join(
        f' {name}="{escape(str(value))}"' for name, value in element.attrib.items() if name not in _DROPPED_ATTRIBUTES
    )
    inner = _text(element.text) + "".join(_write(child) + _text(child.tail) for child in element)
    return f"<{element.tag}{attributes}>{inner}</{element.tag}>"


def _text(value: str | None) -> str:
    return escape(_REFERENCE.sub(_character, value), quote=False) if value else ""


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if 0x20 <= code < 0xD800 or 0xE000 <= code < 0x110000 else "\ufffd"
