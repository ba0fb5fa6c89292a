import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.api.body import parse_body
from inference.api.openai.schemas import ChatCompletionBody
from inference.api.schemas import ChatBody, GenerateBody
from inference.errors import InvalidRequest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "missing request body"),
        (b" \n\t", "missing request body"),
        (b"{", "the request body is not valid JSON"),
        (b"{bad", "the request body is not valid JSON"),
        (b"not json", "the request body is not valid JSON"),
        (b'{"model": NaN}', "the request body is not valid JSON: NaN is no number"),
        (b'{"model": -Infinity}', "the request body is not valid JSON: -Infinity is no number"),
        (b'{"top_logprobs": ' + b"9" * 5000 + b"}", "the request body is not valid JSON: a number has too many digits"),
        (b"[]", "the request body must be a JSON object, not an array"),
        (b'"x"', "the request body must be a JSON object, not a string"),
        (b"5", "the request body must be a JSON object, not a number"),
        (b"true", "the request body must be a JSON object, not true or false"),
        (b"[" * 100_000, "the request body is nested too deeply"),
        (b'{"a":' * 100_000, "the request body is nested too deeply"),
        (b'{"model": 1}', "model must be a string, not a whole number"),
        (b'{"model": ["a"]}', "model must be a string, not an array"),
        (b'{"stream": "yes"}', "stream must be true or false, not a string"),
        (b'{"stream": 1}', "stream must be true or false, not a whole number"),
        (b'{"options": []}', "options must be an object, not an array"),
        (b'{"messages": "hi"}', "messages must be an array, not a string"),
        (b'{"messages": ["hi"]}', "messages[0] must be an object, not a string"),
        (b'{"messages": [null]}', "messages[0] must be an object, not null"),
        (b'{"messages": [{"role": "user", "content": []}]}', "messages[0].content must be a string, not an array"),
        (b'{"messages": [{}, {"role": 5}]}', "messages[1].role must be a string, not a whole number"),
        (b'{"messages": [{"images": [5]}]}', "messages[0].images[0] must be a string, not a whole number"),
        (b'{"messages": [{"tool_calls": ["f"]}]}', "messages[0].tool_calls[0] must be an object, not a string"),
        (b'{"top_logprobs": 1.5}', "top_logprobs must be a whole number, not a number"),
        (b'{"hearth": true}', "hearth must be an object, not true or false"),
        (b'{"hearth": {"client": 5}}', "hearth.client must be a string, not a whole number"),
    ],
)
def test_malformed_body_is_refused_naming_the_fault(content: bytes, message: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_body(content, ChatBody)
    assert str(refusal.value).startswith(message)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        parse_body(content, GenerateBody)
    except InvalidRequest as error:
        assert str(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["model", "messages", "options", "Stream", "keep_alive", "hearth", "tools", "x"]), JSON))
def test_any_object_is_read_or_refused(value: dict[str, Any]) -> None:
    try:
        body = parse_body(json.dumps(value).encode(), ChatBody)
    except InvalidRequest as error:
        assert any(name.lower() in str(error) for name in value)
    else:
        assert isinstance(body.model, str)


@pytest.mark.parametrize(
    "content", [b"null", b"{}", b'{"model":null,"messages":null,"options":null,"stream":null,"hearth":null}']
)
def test_null_means_absent(content: bytes) -> None:
    assert parse_body(content, ChatBody) == ChatBody()


def test_what_follows_the_first_value_is_passed_over() -> None:
    assert parse_body(b' {"model":"a"} trailing {', ChatBody).model == "a"


def test_unknown_fields_are_passed_over() -> None:
    body = parse_body(b'{"model":"a","width":5,"messages":[{"role":"user","name":"x","tool_call_id":"1"}]}', ChatBody)

    assert (body.model, body.messages[0].role) == ("a", "user")


def test_field_names_match_in_any_case_and_the_exact_one_wins() -> None:
    assert parse_body(b'{"Model":"a","STREAM":false,"messages":[{"Role":"user"}]}', ChatBody).stream is False
    assert parse_body(b'{"model":"exact","MODEL":"other"}', ChatBody).model == "exact"
    assert parse_body(b'{"MODEL":"other","model":"exact"}', ChatBody).model == "exact"
    assert parse_body(b'{"messages":[{"Role":"user"}]}', ChatBody).messages[0].role == "user"


def test_whole_number_may_be_written_with_a_fraction() -> None:
    body = parse_body(b'{"max_tokens": 1e2, "n": 1.0, "top_k": 40.0, "temperature": 1.0, "seed": 7.0}', ChatCompletionBody)

    assert (body.max_tokens, body.n, body.top_k, body.seed) == (100, 1, 40, 7)
    assert [type(value) for value in (body.max_tokens, body.top_k, body.temperature)] == [int, int, float]
    with pytest.raises(InvalidRequest, match="max_tokens must be a whole number or null, not a number"):
        parse_body(b'{"max_tokens": 1e999}', ChatCompletionBody)


def test_name_serves_as_model() -> None:
    assert parse_body(b'{"name":"a"}', ChatBody).asked_model == "a"
    assert parse_body(b'{"name":"a","model":"b"}', ChatBody).asked_model == "b"


def test_text_that_utf8_cannot_hold_is_replaced() -> None:
    body = parse_body(b'{"prompt":"a\\ud800b","model":"\xff"}', GenerateBody)

    assert body.prompt.encode() == "a\ufffdb".encode()
    assert body.model == "\ufffd"
    assert parse_body(b'{"prompt":"\\ud83d\\ude00"}', GenerateBody).prompt == "😀"
