"""The order of events, and how an answer ends."""

import json
from typing import Any

import pytest

from inference.api.anthropic.writer import MessagesWriter
from inference.api.lines import AnswerPart
from inference.api.writer import WholeAnswer
from inference.errors import QueueFull
from inference.prompt.parsing import ToolCall
from inference.runner.messages import RequestStats
from inference.scheduler import Finished, Loading, Prefilling

STATS = RequestStats(num_prompt_tokens=20, num_cached_tokens=15, num_completion_tokens=7)
DONE = Finished("stop", STATS, 0)
PARTS = [
    AnswerPart(thinking="It "),
    AnswerPart(thinking="may."),
    AnswerPart(text="I "),
    AnswerPart(text="look."),
    AnswerPart(tool_calls=[ToolCall(0, "look", {"city": "Rome"}, "call_1")]),
    AnswerPart(tool_calls=[ToolCall(1, "look", {}, "call_2")]),
]


def new_writer(**options: Any) -> MessagesWriter:
    return MessagesWriter("m", **{"max_tokens": 7, "stop_sequences": ["END"], **options})


def events_of(stream: bytes) -> list[dict[str, Any]]:
    events = []
    for block in stream.decode().strip().split("\n\n"):
        name, data = block.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def written(writer: MessagesWriter, parts: list[AnswerPart], finished: Finished = DONE) -> list[dict[str, Any]]:
    begun = writer.event(Prefilling(0, 20)) + writer.begin(0)
    return events_of(begun + b"".join(writer.part(0, part) for part in parts) + writer.finish(0, finished) + writer.end())


def test_each_part_is_a_block_with_its_beginning_and_end() -> None:
    events = written(new_writer(), PARTS)

    kinds = [event["type"].removeprefix("content_block_") for event in events]
    assert kinds == [
        "message_start", "ping", "start", "delta", "delta", "delta", "stop", "start", "delta", "delta", "stop",
        "start", "delta", "stop", "start", "delta", "stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert [event["index"] for event in events if "index" in event] == [0] * 5 + [1] * 4 + [2] * 3 + [3] * 3
    assert [event["content_block"]["type"] for event in events if "content_block" in event] == [
        "thinking", "text", "tool_use", "tool_use",
    ]  # fmt: skip
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert [delta["type"] for delta in deltas] == [
        "thinking_delta", "thinking_delta", "signature_delta", "text_delta", "text_delta", "input_json_delta", "input_json_delta",
    ]  # fmt: skip
    assert json.loads(deltas[-2]["partial_json"]) == {"city": "Rome"}
    assert events[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}


def test_message_begins_with_the_number_of_the_prompts_tokens() -> None:
    start = written(new_writer(), [])[0]["message"]

    assert start["usage"] == {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    assert (start["content"], start["stop_reason"], start["role"], start["model"]) == ([], None, "assistant", "m")


def test_message_begins_only_when_the_prompt_is_known() -> None:
    writer = new_writer()

    assert writer.event(Loading(0.5)) == b""
    assert writer.event(Prefilling(0, 20)) != b""
    assert writer.event(Prefilling(10, 20)) == writer.begin(0) == b""


def test_whole_answer_says_what_the_stream_says() -> None:
    streamed = written(new_writer(), PARTS)
    part = AnswerPart("I look.", "It may.", [call for part in PARTS for call in part.tool_calls])
    whole = new_writer().whole([WholeAnswer(part, DONE)])

    signature = next(event["delta"]["signature"] for event in streamed if event.get("delta", {}).get("signature"))
    assert whole["content"] == [
        {"type": "thinking", "thinking": "It may.", "signature": signature},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Rome"}},
        {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}},
    ]
    assert (whole["stop_reason"], whole["usage"]) == ("tool_use", streamed[-2]["usage"])
    assert whole["usage"]["input_tokens"] == 20


def test_thinking_that_is_not_to_be_shown_leaves_an_empty_block() -> None:
    events = written(new_writer(hides_thinking=True), PARTS[:2])
    whole = new_writer(hides_thinking=True).whole([WholeAnswer(AnswerPart(thinking="It may."), DONE)])

    assert "may" not in json.dumps(events)
    assert whole["content"][0]["thinking"] == ""
    assert whole["content"][0]["signature"] == events[3]["delta"]["signature"] != ""


def test_cached_tokens_are_told_apart_where_a_cache_was_asked_for() -> None:
    usage = written(new_writer(tells_cache=True), [])[-2]["usage"]

    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (5, 15, 7)


@pytest.mark.parametrize(
    ("finished", "reason", "sequence"),
    [
        (DONE, "end_turn", None),
        (Finished("stop", STATS, 0, stop_text="END"), "stop_sequence", "END"),
        (Finished("stop", STATS, 0, stop_text="<|im_end|>"), "end_turn", None),
        (Finished("length", STATS, 0), "max_tokens", None),
        (Finished("length", RequestStats(num_completion_tokens=6), 0), "model_context_window_exceeded", None),
        (Finished("repeat", RequestStats(num_completion_tokens=6), 0), "max_tokens", None),
    ],
)
def test_reason_of_the_end(finished: Finished, reason: str, sequence: str | None) -> None:
    assert written(new_writer(), [], finished)[-2]["delta"] == {"stop_reason": reason, "stop_sequence": sequence}


def test_failure_in_a_stream_is_an_event() -> None:
    (event,) = events_of(new_writer().failure(QueueFull("full")))

    assert event["error"] == {"type": "overloaded_error", "message": "full"}
    assert event["type"] == "error"
