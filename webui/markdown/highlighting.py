"""Code to HTML with Pygments' short class names: `<span class="k">`. Colours stand in static/css/markdown.css."""

import time
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

MAX_CHARACTERS = 100_000
MAX_LINE = 2_000
# Seconds of processor time after which code stays without colours: some lexers need time quadratic in hostile input.
TIME_LIMIT = 0.5

# Pygments ships some 500 lexers, several with regular expressions that hostile text can stall. Those in common use suffice.
_LANGUAGE_NAMES = """
ada apacheconf asm awk bash bat c c# c++ clojure cmake cobol common-lisp console cpp csharp css dart diff docker
dockerfile elixir elm erlang fortran fsharp gas gherkin go golang graphql groovy haskell hcl hs html html+django http ini
java javascript jinja js json json5 jsx julia kotlin latex less lisp llvm lua make makefile markdown matlab md mysql
nasm nginx nim nix objective-c objectivec ocaml octave pascal perl php postgresql powershell prolog properties proto protobuf
ps1 pwsh py pycon python python3 r racket rb rs rst ruby rust sass scala scheme scss sh shell shell-session solidity sql
sqlite3 swift systemverilog tcl tcsh terraform tex toml ts tsx typescript vb.net verilog vhdl vim vue wast wat xml
yaml yml zig zsh
"""
# Of two lexers for one language, the one that blank lines do not stall: 20 kB of them cost MatlabLexer six seconds.
_INSTEAD = {"matlab": "octave"}
_LANGUAGES = frozenset(_LANGUAGE_NAMES.split())


def highlight(code: str, language: str) -> str:
    """Return the escaped HTML of code, with spans where its language is known and its size allows. Its text is always `code`."""
    lexer = _lexer(language.lower()) if _is_worth_it(code) else None
    if lexer is None:
        return escape(code, quote=False)
    return _mark_up(code, lexer) or escape(code, quote=False)


def _is_worth_it(code: str) -> bool:
    return len(code) <= MAX_CHARACTERS and max(map(len, code.split("\n"))) <= MAX_LINE


def _mark_up(code: str, lexer: "Lexer") -> str | None:
    """Return HTML with adjacent tokens of one class joined, or None when time ran out or the lexer lost text."""
    deadline = time.thread_time() + TIME_LIMIT
    runs: list[tuple[str, list[str]]] = []
    length = 0
    for kind, value in lexer.get_tokens(code):
        if time.thread_time() > deadline:
            return None
        length += len(value)
        name = _class_name(kind) if value.strip() else (runs[-1][0] if runs else "")
        if runs and runs[-1][0] == name:
            runs[-1][1].append(value)
        else:
            runs.append((name, [value]))
    if length != len(code):
        return None
    return "".join(_run(name, "".join(values)) for name, values in runs)


def _run(name: str, text: str) -> str:
    inner = escape(text, quote=False)
    return f'<span class="{name}">{inner}</span>' if name else inner


@cache
def _class_name(kind: "_TokenType") -> str:
    from pygments.token import STANDARD_TYPES

    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    return STANDARD_TYPES[kind]


@cache
def _lexer(language: str) -> "Lexer | None":
    if language not in _LANGUAGES:
        return None
    language = _INSTEAD.get(language, language)
    from pygments.lexers import find_lexer_class, get_all_lexers

    # Looked up in Pygments' own table: get_lexer_by_name would search every installed package for plug-ins on a miss.
    for name, aliases, _patterns, _types in get_all_lexers(plugins=False):
        if language in aliases:
            found = find_lexer_class(name)
            return found(stripnl=False, ensurenl=False) if found else None
    return None
