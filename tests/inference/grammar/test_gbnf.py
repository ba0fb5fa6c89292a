import time

import pytest
from llama_cpp import llama_cpp

from inference.errors import InvalidRequest
from inference.grammar.gbnf import MAX_GRAMMAR_CHARACTERS, check_grammar
from inference.runner.llama.model import LlamaModel

JSON = r"""
# a comment
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws ::= | " " | "\n" [ \t]{0,20}
"""

SUMS = r"""
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
"""


@pytest.mark.parametrize(
    ("grammar", "reason"),
    [
        ("", "no rule named root"),
        ('a ::= "x"', "no rule named root"),
        ('root ::= "x', "in line 1"),
        ('root ::= "x"\nother ::= [a', "in line 2"),
        ("root ::= [", "what begins with \\["),
        ('root ::= ("x"', "a group is not closed"),
        ('root ::= "x")', "the end of the rule"),
        ('root "x"', "::= was expected"),
        ("::= x", "a rule's name"),
        ("root ::= missing", "uses missing"),
        ('root ::= root "x"', "begin with itself"),
        ('root ::= a "x"\na ::= b\nb ::= "y"? root', "begin with itself"),
        ('root ::= ("x"?)*', "repeats without end"),
        ('root ::= ""+', "repeats without end"),
        ('root ::= a*\na ::= "x" |', "repeats without end"),
        ('root ::= "x"\nroot ::= "y"', "there twice"),
        ('root ::= "x"{5000}', "at most 1000"),
        ('root ::= "x"{3,2}', "in order"),
        ('root ::= <think> "x"', "what begins with <"),
        ('root ::= "\\q"', "cannot be used"),
        ('root ::= "x"\0', "zero byte"),
        ("root ::= *", "what begins with"),
        ('root ::= "x" a | "x" b\na ::= root\nb ::= root "y"', "contains itself"),
        ('root ::= "(" root* root ")"', "contains itself"),
        ("root ::= [a-c] root | [\\x63-z]", "contains itself"),
        ('root ::= "x" (root "y")? root?', "contains itself"),
        ("root ::= " + "(" * 100 + '"x"' + ")" * 100, "nested too deeply"),
        ("root ::= " + '"x" ' * MAX_GRAMMAR_CHARACTERS, "longer than"),
    ],
)
def test_grammar_that_cannot_be_used_is_refused_with_a_reason(grammar: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        check_grammar(grammar)


def test_grammar_with_endless_beginnings_is_refused_at_once() -> None:
    rules = [f"r{i} ::= r{i + 1} | r{i + 1}" for i in range(60)]
    started = time.process_time()

    with pytest.raises(InvalidRequest, match="too many ways"):
        check_grammar("\n".join(["root ::= r0", *rules, 'r60 ::= "x"']))

    assert time.process_time() - started < 1


def test_grammar_with_a_long_chain_of_rules_is_refused() -> None:
    rules = [f"r{i} ::= r{i + 1}" for i in range(3000)]

    with pytest.raises(InvalidRequest, match="too many others"):
        check_grammar("\n".join(["root ::= r0", *rules, 'r3000 ::= "x"']))


@pytest.mark.parametrize(
    "grammar", [JSON, SUMS, 'root ::= "yes" | "no"', 'root ::= [a-z]+ ("," [a-z]+){0,3} "\\n"?', "root ::= .*\r\n"]
)
def test_grammar_that_llama_cpp_understands_passes(grammar: str, model: LlamaModel) -> None:
    check_grammar(grammar)

    handle = llama_cpp.llama_sampler_init_grammar(model.vocabulary.handle, grammar.encode(), b"root")
    assert handle
    llama_cpp.llama_sampler_free(handle)
