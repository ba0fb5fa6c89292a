import json
import re

import pytest

from inference.errors import InvalidRequest
from inference.grammar.json_schema import grammar_of
from inference.grammar.matching import keeps_to_pattern
from inference.grammar.string_formats import FORMATS
from tests.inference.grammar.conftest import Accepts

pytestmark = pytest.mark.model

WORDS = [
    "", "a", "ab", "abc", "aab", "b", "AB-12", "12", "0012", "a b", 'say "hi"', "back\\slash", "tab\there", "line\nbreak",
    "é", "你好", "👍", "foo.bar@example.org", "x" * 40, "2024-02-29", "aaa-bbb", "[x]", "a|b", "$5", "^", "-", "/", "]",
]  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    [
        "^a*b?$",
        "^(ab|a)+$",
        "^[a-z]{2,3}$",
        "^[^a-z]+$",
        r"^\d+$",
        r"^\w{1,5}-\d{2}$",
        r"\s",
        "b",
        "^a",
        "c$",
        "^$",
        "^.$",
        "^.+$",
        r'^[^"]*$',
        r"^[\\]",
        r'"',
        r"^(?:aaa|bbb)-(?P<x>aaa|bbb)$",
        r"^\[x\]$",
        "a\\|b",
        r"^\$5$",
        "^a|c$",
        r"^[\d.@a-z]+?$",
        r"^\u00e9$",
        "^[一-龥]{2}$",
        "^(👍|é)$",
        r"^[]^-]$".replace("[]", r"[\]"),
        r"^\D$",
        "^x{40}$",
        r"^/$",
        r"^(a(b(c)?)?)?$",
    ],
)
def test_pattern_matches_what_a_regular_expression_matches(pattern: str, accepts: Accepts) -> None:
    grammar = grammar_of(json.dumps({"type": "string", "pattern": pattern}))
    expression = re.compile(pattern.replace("$", r"\Z").replace(r"\\Z", r"\$"), re.ASCII)

    for word in WORDS:
        is_found = bool(expression.search(word))
        assert accepts(grammar, json.dumps(word, ensure_ascii=False)) == is_found, word
        assert keeps_to_pattern(word, pattern) == is_found, word


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        "(?<!a)b",
        r"(a)\1",
        r"\bx\b",
        r"\p{L}",
        "a**",
        "*a",
        "a{2,1}",
        "a{5000}",
        "(a",
        "a)",
        "[a",
        "[b-a]",
        "(a*)*",
        "a(^b)",
        "(" * 50 + "a" + ")" * 50,
        "\\",
        "x" * 2000,
        r"^\x00$",
        "[^\\d\\D]",
    ],
)
def test_pattern_that_cannot_be_expressed_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest, match="pattern"):
        grammar_of(json.dumps({"type": "string", "pattern": pattern}))


EXAMPLES = {
    "date": ("2024-02-29", "2024-13-01"),
    "time": ("12:30:00Z", "25:00:00Z"),
    "date-time": ("2024-02-29T12:30:00.5+01:00", "2024-02-29 12:30"),
    "uuid": ("123e4567-e89b-12d3-a456-426614174000", "123e4567"),
    "uuid4": ("123e4567-e89b-12d3-a456-426614174000", "x"),
    "ipv4": ("192.168.0.1", "256.1.1.1"),
    "hostname": ("a-b.example.org", "-a.org"),
    "email": ("some.one+x@example.org", "someone@"),
    "uri": ("https://example.org/a/b?c=d", "example.org"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_format_takes_what_is_of_it_and_nothing_else(name: str, accepts: Accepts) -> None:
    grammar = grammar_of(json.dumps({"type": "string", "format": name}))
    good, bad = EXAMPLES[name]

    assert accepts(grammar, json.dumps(good))
    assert not accepts(grammar, json.dumps(bad))
