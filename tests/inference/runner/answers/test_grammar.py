import json
from typing import Any

import jsonschema
import msgspec
import pytest

from inference.errors import InvalidRequest
from inference.grammar.json_schema import grammar_of
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.constraint import GrammarConstraint
from inference.runner.llama.grammar import Grammar
from inference.runner.messages import ChatMessage, ChatPrompt, RequestFailed, RequestFinished, SamplingParams, Submit, TextPrompt
from tests.inference.grammar.test_json_schema import CASES
from tests.inference.runner.answers.conftest import QUESTION, House

pytestmark = pytest.mark.model

YES_NO = 'root ::= "yes" | "no"'
WARM = {"sampling": SamplingParams(temperature=1.0, seed=5), "max_tokens": 120}


@pytest.mark.parametrize("seed", range(5))
def test_answer_keeps_to_a_grammar_and_ends_with_it(house: House, seed: int) -> None:
    answer = house.ask(grammar=YES_NO, sampling=SamplingParams(temperature=1.5, seed=seed))

    assert answer.text in ("yes", "no")
    assert answer.reason == "stop"


def test_free_answer_stays_the_same_under_a_grammar_that_allows_everything(house: House) -> None:
    sampling = SamplingParams(seed=3, repeat_penalty=1.1)

    free, kept = house.ask(sampling=sampling), house.ask(sampling=sampling, grammar="root ::= .*")

    assert free.text and kept.text == free.text


def test_json_is_json(house: House) -> None:
    prompt = ChatPrompt([ChatMessage("user", "Describe a person as JSON with name, age and city.")])

    answer = house.ask(prompt=prompt, json_schema='{"type": "object"}', max_tokens=120)

    assert answer.reason == "stop"
    assert isinstance(json.loads(answer.text), dict)


def bounded(schema: Any) -> Any:
    """So that a model that says what it likes comes to an end: strings and lists without bounds get some."""
    if isinstance(schema, list):
        return [bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: value if key in ("enum", "const") else bounded(value) for key, value in schema.items()}
    if schema.get("type") == "string" and not {"maxLength", "enum", "pattern"} & schema.keys():
        schema["maxLength"] = 12
    if "items" in schema and "prefixItems" not in schema:
        schema.setdefault("maxItems", 3)
    return schema


ENDLESS = {"anything", "true", "object", "array", "map", "more", "more_required", "itself", "many_items", "long"}
ENDLESS |= {"recursive", "recursive_union"}


def test_answers_keep_to_their_schemas(house: House) -> None:
    schemas = [bounded(schema) for name, (schema, _good, _bad) in CASES.items() if name not in ENDLESS]
    assert len(schemas) >= 30

    answers = house.ask_all([{"json_schema": json.dumps(schema), **WARM} for schema in schemas])

    for schema, answer in zip(schemas, answers, strict=True):
        assert answer.reason == "stop", (schema, answer.text)
        jsonschema.validate(json.loads(answer.text), schema)


def test_grammar_begins_after_the_thinking_part(house: House) -> None:
    answer = house.ask(grammar=YES_NO, thinking_end=".", sampling=SamplingParams(temperature=0.8, seed=1), max_tokens=100)

    thinking, end, rest = answer.text.partition(".")
    assert len(thinking) > 3 and end
    assert rest.strip() in ("yes", "no")
    assert answer.reason == "stop"


def test_token_that_goes_beyond_the_thinking_part_is_cut(house: House) -> None:
    vocabulary = house.model.vocabulary
    joined = vocabulary.tokenize('."', parse_special=False)
    assert len(joined) == 1, "the test needs a token with text after the end tag"
    bias = {joined[0]: 100.0}

    answer = house.ask(grammar=YES_NO, thinking_end=".", sampling=SamplingParams(temperature=0, logit_bias=bias))

    assert answer.text in (".yes", ".no")


def test_thinking_part_is_ended_for_a_model_that_would_end_its_answer_there(house: House) -> None:
    (end,) = (token for token in house.model.vocabulary.end_tokens if house.model.vocabulary.special_text(token) == "<|im_end|>")
    sampling = SamplingParams(temperature=0, logit_bias={end: 100.0})

    answer = house.ask(grammar=YES_NO, thinking_end="</think>", sampling=sampling)

    assert answer.text in ("</think>yes", "</think>no")
    assert answer.reason == "stop"


def test_beginning_of_a_thinking_tag_becomes_one_unless_the_grammar_takes_it(house: House) -> None:
    prompt = TextPrompt("<think>\na</think>x<thought>\na</thought>x")
    tags = {"thinking_start": "<think>", "thinking_end": "</"}
    assert house.ask(prompt=prompt).text.startswith("<thought>"), "the test needs an answer that begins as the tag does"

    thinking = house.ask(prompt=prompt, grammar=YES_NO, **tags)
    plain = house.ask(prompt=prompt, grammar='root ::= "<" ("yes" | "no") ">"', **tags)

    assert thinking.text.startswith("<think>")
    assert thinking.text.partition("</")[2].strip() in ("yes", "no")
    assert plain.text in ("<yes>", "<no>")
    assert thinking.reason == plain.reason == "stop"


def test_white_space_does_not_put_off_a_grammar_for_ever(house: House) -> None:
    (space,) = house.model.vocabulary.tokenize("\n", parse_special=False)
    sampling = SamplingParams(temperature=0, logit_bias={space: 100.0})

    answer = house.ask(grammar=YES_NO, thinking_start="<think>", thinking_end="</think>", sampling=sampling)

    assert answer.text in ("\n\n\n\nyes", "\n\n\n\nno")


def test_answer_that_never_thinks_to_an_end_is_left_alone(house: House) -> None:
    assert house.ask(grammar=YES_NO, thinking_end="</think>").text == house.ask().text


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"grammar": 'root ::= "x'}, "in line 1"),
        ({"grammar": "root ::= root"}, "begin with itself"),
        ({"grammar": YES_NO, "json_schema": "{}"}, "cannot both"),
        ({"json_schema": '{"not": {}}'}, '"not"'),
        ({"json_schema": "x"}, "not valid JSON"),
    ],
)
def test_grammar_that_cannot_be_kept_to_is_refused(house: House, wish: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        house.ask(**wish)


def forbidding(*texts: str, **more: Any) -> SamplingParams:
    return SamplingParams(**{"temperature": 0, "logit_bias": dict.fromkeys(texts, float("-inf")), **more})


@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize(
    ("wish", "begun"),
    [
        ({"grammar": 'root ::= "blue" "x"', "sampling": forbidding("b", "bl", "blu", "blue")}, ""),
        ({"grammar": 'root ::= "blue" "\u2184"', "sampling": forbidding("\u2184")}, "blue"),
        ({"json_schema": '{"enum": [["blue"]]}', "sampling": forbidding("]", '"]')}, '["blue"'),
    ],
)
def test_answer_that_cannot_be_completed_fails(house: House, wish: dict[str, Any], begun: str, temperature: float) -> None:
    sampling = msgspec.structs.replace(wish["sampling"], temperature=temperature)

    answer = house.ask(**wish | {"sampling": sampling})

    assert answer.text == begun
    assert isinstance(answer.end, RequestFailed)
    assert answer.end.code == "invalid_request" and "cannot be completed" in answer.end.message


@pytest.mark.parametrize("temperature", [0, 1])
def test_answer_that_is_complete_ends_also_where_nothing_is_left_to_draw(house: House, temperature: float) -> None:
    answer = house.ask(grammar=YES_NO, sampling=SamplingParams(temperature=temperature, ignore_eos=True))

    assert answer.text in ("yes", "no")
    assert answer.reason == "stop"


def test_answer_does_not_end_within_a_character(house: House) -> None:
    vocabulary, candidates = house.model.vocabulary, Candidates(house.model.vocabulary.num_tokens)
    pieces = {vocabulary.piece(token): token for token in range(vocabulary.num_tokens)}
    (end, *_) = vocabulary.end_tokens
    grammar = Grammar("root ::= .*", vocabulary)
    assert grammar.may_end(candidates) and grammar.allows(end, candidates)

    grammar.accept(pieces[b"\xe0"])

    assert not grammar.may_end(candidates) and not grammar.allows(end, candidates)


def test_bytes_that_make_no_characters_are_known_for_each_beginning(house: House) -> None:
    vocabulary = house.model.vocabulary
    pieces = {vocabulary.piece(token): token for token in range(vocabulary.num_tokens)}

    after_e0 = set(vocabulary.misfits(b"\xe0").tolist())

    # Of three bytes that begin with E0, the second is A0 or more: what is less could be written with two.
    assert pieces[b"\x82"] in after_e0 and pieces[b"\xb8"] not in after_e0
    whole = [vocabulary.piece(token) for token in vocabulary.misfits(b"").tolist()]
    assert len(whole) < 300
    for piece in whole:
        with pytest.raises(UnicodeDecodeError):
            (piece + b"\x80\x80\x80").decode()


def test_bytes_that_make_no_character_are_not_allowed(house: House) -> None:
    """llama.cpp lets them through as one character; what is shown for them are several, more than a schema may allow."""
    vocabulary, candidates = house.model.vocabulary, Candidates(house.model.vocabulary.num_tokens)
    pieces = {vocabulary.piece(token): token for token in range(vocabulary.num_tokens)}
    grammar = Grammar(grammar_of('{"type": "string", "maxLength": 1}'), vocabulary)
    grammar.accept(pieces[b'"'])
    assert not grammar.allows(pieces[b"\x82"], candidates)
    assert grammar.allows(pieces[b"\xe0"], candidates)

    grammar.accept(pieces[b"\xe0"])

    assert not grammar.allows(pieces[b"\x82"], candidates)
    assert candidates.allows(grammar._handle, pieces[b"\x82"]), "llama.cpp itself refuses it: nothing needs to be done here"
    assert not grammar.allows(pieces[b'"'], candidates)
    assert grammar.allows(pieces[b"\xb8"], candidates)


def test_name_that_the_vocabulary_cannot_spell_is_escaped(house: House) -> None:
    schema = {"type": "object", "properties": {"a\U000495d7": {"const": "\U0010fffd"}}, "required": ["a\U000495d7"]}

    answer = house.ask(json_schema=json.dumps(schema), max_tokens=80)

    assert json.loads(answer.text) == {"a\U000495d7": "\U0010fffd"}


@pytest.mark.parametrize(
    ("grammar", "stop", "text", "reason"),
    [
        # JSON that is cut is none, wherever the stop string stands in it.
        (r'root ::= "{\"a\": [1, 2], \"b\": \"END\"}"', "END", '{"a": [1, 2], "b": "', "length"),
        (r'root ::= "{\"a\": [1, 2]}"', "}", '{"a": [1, 2]', "length"),
        (r'root ::= "{\"a\": [1, 2]}"', "]}", '{"a": [1, 2', "length"),
        (r'root ::= "{\"a\": [1, 2]}"', "{", "", "length"),
        ('root ::= "a" "bEND"', "bEND", "a", "length"),
        # What is left is all that was asked for.
        ('root ::= "no" | "noEND"', "END", "no", "stop"),
        ('root ::= [a-z ]+ "END"?', "END", None, "stop"),
        # It does not occur.
        (r'root ::= "{\"a\": 1}"', "END", '{"a": 1}', "stop"),
    ],
)
def test_stop_string_ends_an_answer_with_stop_only_where_it_is_whole(
    house: House, grammar: str, stop: str, text: str | None, reason: str
) -> None:
    # Without the end token, an answer goes on as long as its grammar lets it; the letter is what it goes on with.
    (letter,) = house.model.vocabulary.tokenize("END", parse_special=False)[:1]
    sampling = SamplingParams(temperature=0, ignore_eos=True, logit_bias={letter: 100.0} if text is None else {})

    answer = house.ask(grammar=grammar, stop=[stop], sampling=sampling, max_tokens=60)

    if text is not None:
        assert answer.text == text
        assert answer.reason == reason
    else:
        assert isinstance(answer.end, RequestFinished)
        assert answer.reason == (reason if answer.end.stop_text else "length")


def test_stop_string_within_the_thinking_part_ends_no_answer_with_stop(house: House) -> None:
    (dot,) = house.model.vocabulary.tokenize(".", parse_special=False)
    sampling = SamplingParams(temperature=0, logit_bias={dot: 100.0})

    answer = house.ask(grammar=YES_NO, thinking_end="</think>", stop=["."], sampling=sampling, max_tokens=8)

    assert (answer.text, answer.reason) == ("", "length")


def test_control_tokens_are_no_text_for_a_grammar(house: House) -> None:
    start = house.model.vocabulary.tokenize("<|im_start|>", parse_special=True)
    bias = {start[0]: 100.0}

    answer = house.ask(grammar='root ::= "<|im_start|>"', sampling=SamplingParams(temperature=0, logit_bias=bias))

    assert answer.text == "<|im_start|>"


def test_grammar_that_takes_too_long_fails_its_request_and_not_the_others(house: House) -> None:
    # Of a letter that no token joins to itself, so that it takes one step a letter to become slow; checks would refuse it.
    ambiguous = 'root ::= "\u2184" a | "\u2184" b | "\u2184" c\na ::= root "x"\nb ::= root "y"\nc ::= root "z"'
    request = house.prepare(Submit(request_id="", prompt=QUESTION, max_tokens=100))
    request.constraint = GrammarConstraint(ambiguous, house.model.vocabulary)
    house.engine.add(request)

    hostile, other = house.run([request.request_id, house.submit(Submit(request_id="", prompt=QUESTION, max_tokens=8))])

    assert isinstance(hostile.end, RequestFailed)
    assert hostile.end.code == "invalid_request" and "less ambiguous" in hostile.end.message
    assert other.reason in ("length", "stop")


def test_grammar_holds_from_the_start_for_an_answer_that_does_not_begin_with_thinking(house: House) -> None:
    tags = {"thinking_start": "<think>", "thinking_end": "</think>"}

    assert house.ask(grammar=YES_NO, **tags).text in ("yes", "no")
    assert house.ask(grammar='root ::= "<think>a</think>b"', **tags).text == "<think>a</think>b"


def test_grammar_waits_for_the_end_of_a_thinking_part_that_the_answer_begins(house: House) -> None:
    free = house.ask(max_tokens=40).text
    start = free[:5]
    assert "." in free

    thinking = house.ask(grammar=YES_NO, thinking_start=start, thinking_end=".", max_tokens=60)
    stopped = house.ask(grammar=YES_NO, thinking_start=start, thinking_end=".", may_think=False)

    part, _, rest = thinking.text.partition(".")
    assert part == free.partition(".")[0]
    assert rest.strip() in ("yes", "no")
    assert stopped.text in ("yes", "no")


def test_grammar_waits_where_the_prompt_began_the_thinking_part(house: House) -> None:
    template = "{{ range .Messages }}{{ .Content }}{{ end }}1, 2, 3, 4,<think>\n"
    free = house.ask(prompt=ChatPrompt([ChatMessage("user", "Why?")], template=template)).text
    end = free.strip()[3:6]

    answer = house.ask(
        prompt=ChatPrompt([ChatMessage("user", "Why?")], template=template),
        grammar=YES_NO,
        thinking_start="<think>",
        thinking_end=end,
        may_think=False,
    )

    part, _, rest = answer.text.partition(end)
    assert free.startswith(part) and part
    assert rest.strip() in ("yes", "no")


def test_marks_that_are_control_tokens_are_written_out(house: House) -> None:
    (token,) = house.model.vocabulary.tokenize("<|im_start|>", parse_special=True)
    sampling = SamplingParams(temperature=0, logit_bias={token: 100.0})

    assert house.ask(sampling=sampling, max_tokens=2).text == ""
    assert house.ask(sampling=sampling, max_tokens=2, shown_texts=["<|im_start|>", "not a token"]).text == "<|im_start|>" * 2
