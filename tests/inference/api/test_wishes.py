import json
from typing import Any

import pytest

from inference.api.body import parse_body
from inference.api.options import read_options
from inference.api.schemas import ChatBody
from inference.api.wishes import json_schema_of, with_wishes
from inference.errors import InvalidRequest
from inference.runner.messages import Submit, TextPrompt


def wishes(body: dict[str, Any]) -> Submit:
    parsed = parse_body(json.dumps(body).encode(), ChatBody)
    options = read_options({}, parsed.options, num_ctx=512, num_ctx_train=None)
    return with_wishes(Submit(request_id="1", prompt=TextPrompt("x")), parsed, options)


def test_nothing_asked_for_leaves_the_defaults() -> None:
    assert (
        wishes({}) == wishes({"format": None, "options": None, "hearth": None}) == Submit(request_id="1", prompt=TextPrompt("x"))
    )


def test_everything_asked_for_is_handed_on() -> None:
    work = wishes(
        {
            "logprobs": True,
            "top_logprobs": 3,
            "shift": True,
            "hearth": {"loop_guard": False},
            "options": {"grammar": "root ::= .*", "num_keep": 9},
            "format": {"type": "string"},
        }
    )

    assert (work.logprobs, work.top_logprobs, work.shift, work.num_keep, work.loop_guard) == (True, 3, True, 9, False)
    assert (work.grammar, json.loads(work.json_schema)) == ("root ::= .*", {"type": "string"})


def test_loop_guard_can_be_an_option_too() -> None:
    assert wishes({"options": {"loop_guard": False}}).loop_guard is False


@pytest.mark.parametrize(("value", "schema"), [("json", {"type": "object"}), ({}, {}), ({"b": 1, "a": 2}, {"b": 1, "a": 2})])
def test_format_becomes_a_schema(value: Any, schema: Any) -> None:
    assert list(json.loads(json_schema_of(value)).items()) == list(schema.items())


@pytest.mark.parametrize("value", ["yaml", 5, True, ["json"], "JSON", "x" * 10_000])
def test_what_is_no_format_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="invalid format") as refusal:
        json_schema_of(value)
    assert len(str(refusal.value)) < 300


def test_format_nested_too_deeply_is_refused() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"a": deep}

    with pytest.raises(InvalidRequest, match="nested too deeply"):
        json_schema_of(deep)
