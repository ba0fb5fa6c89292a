"""Whatever JSON a client sends: it is understood, or refused as the client's fault."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.api.body import parse_body
from inference.api.openai.chat import chat_body_of
from inference.api.openai.completions import _check
from inference.api.openai.inputs import read_inputs
from inference.api.openai.sampling import read_sampling
from inference.api.openai.schemas import ChatCompletionBody, ChatMessageBody, CompletionBody, EmbeddingBody
from inference.api.options import read_options
from inference.errors import InvalidRequest

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
WORDS = ["type", "text", "image_url", "url", "function", "name", "arguments", "json_schema", "schema", "allowed_tools", "mode"]
VALUES = st.recursive(
    LEAVES | st.sampled_from([*WORDS, "required", "auto", "data:,", "json_object"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


def objects(kind: type[msgspec.Struct], **known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {field.encode_name: VALUES for field in msgspec.structs.fields(kind)} | known
    return st.fixed_dictionaries({}, optional=fields)


MESSAGES = st.lists(objects(ChatMessageBody, role=st.sampled_from(["user", "assistant", "tool", ""])), max_size=3)


@settings(max_examples=150, deadline=None)
@given(objects(ChatCompletionBody, messages=MESSAGES | VALUES))
def test_chat_is_read_or_refused(value: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        body = chat_body_of(parse_body(json.dumps(value).encode(), ChatCompletionBody))
        read_options({}, body.options, num_ctx=512, num_ctx_train=512)


@settings(max_examples=100, deadline=None)
@given(objects(CompletionBody))
def test_completion_is_read_or_refused(value: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        body = parse_body(json.dumps(value).encode(), CompletionBody)
        _check(body, read_inputs("prompt", body.prompt, 4))
        read_options({}, read_sampling(body, body.max_tokens), num_ctx=512, num_ctx_train=512)


@settings(max_examples=100, deadline=None)
@given(objects(EmbeddingBody))
def test_embedding_is_read_or_refused(value: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        read_inputs("input", parse_body(json.dumps(value).encode(), EmbeddingBody).input, 4)


def test_refusals_are_no_rule() -> None:
    """The fuzz would prove nothing if all were refused."""
    with pytest.raises(InvalidRequest):
        chat_body_of(ChatCompletionBody())
    assert chat_body_of(ChatCompletionBody(messages=[ChatMessageBody(role="user", content="x")])).messages[0].content == "x"
