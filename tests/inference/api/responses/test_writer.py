"""The order of events, and that an answer that is not streamed says the same."""

import json
from typing import Any

import pytest

from inference.api.lines import AnswerPart
from inference.api.responses.schemas import ResponsesBody, ResponsesReasoningBody
from inference.api.responses.tools import read_response_tools
from inference.api.responses.writer import ResponsesWriter
from inference.api.writer import WholeAnswer
from inference.errors import InvalidRequest, QueueFull, RunnerCrashed
from inference.prompt.parsing import ToolCall
from inference.runner.messages import RequestStats
from inference.scheduler import Finished

STATS = RequestStats(num_prompt_tokens=20, num_cached_tokens=15, num_completion_tokens=7)
DONE = Finished("stop", STATS, 0)
PARTS = [
    AnswerPart(thinking="It ", num_thinking_tokens=2),
    AnswerPart(thinking="may.", num_thinking_tokens=1),
    AnswerPart(text="I "),
    AnswerPart(text="look."),
    AnswerPart(tool_calls=[ToolCall(0, "look", {"city": "Rome"}, "call_1")]),
]
SUMMARY = ResponsesBody(model="m", reasoning=ResponsesReasoningBody(summary="auto"))


def events_of(stream: bytes) -> list[dict[str, Any]]:
    events = []
    for block in stream.decode().strip().split("\n\n"):
        name, data = block.split("\n")
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def written(body: ResponsesBody, parts: list[AnswerPart], finished: Finished = DONE) -> list[dict[str, Any]]:
    writer = ResponsesWriter(body, read_response_tools(body.tools, None))
    stream = writer.begin(0) + b"".join(writer.part(0, part) for part in parts) + writer.finish(0, finished) + writer.end()
    events = events_of(stream)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


@pytest.mark.parametrize(
    ("body", "reasoning"),
    [
        (ResponsesBody(model="m"),
         ["content_part.added", *["reasoning_text.delta"] * 2, "reasoning_text.done", "content_part.done"]),
        (SUMMARY, ["reasoning_summary_part.added", *["reasoning_summary_text.delta"] * 2, "reasoning_summary_text.done",
                   "reasoning_summary_part.done"]),
    ],
)  # fmt: skip
def test_each_item_begins_grows_and_ends(body: ResponsesBody, reasoning: list[str]) -> None:
    events = written(body, PARTS)

    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", *reasoning, "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert events[-1]["response"]["output"] == done
    assert [event["output_index"] for event in events if event["type"] == "response.output_item.done"] == [0, 1, 2]
    ids = {event["output_index"]: event["item"]["id"] for event in events if "item" in event}
    assert all(event["item_id"] == ids[event["output_index"]] for event in events if "item_id" in event)
    texts = [part["text"] for part in done[0]["content" if body is not SUMMARY else "summary"]]
    assert (texts, done[1]["content"][0]["text"], json.loads(done[2]["arguments"])) == (["It may."], "I look.", {"city": "Rome"})


@pytest.mark.parametrize("body", [ResponsesBody(model="m"), SUMMARY])
def test_whole_answer_says_what_the_stream_ends_with(body: ResponsesBody) -> None:
    streamed = written(body, PARTS)[-1]["response"]
    part = AnswerPart("I look.", "It may.", PARTS[-1].tool_calls, num_thinking_tokens=3)
    whole = ResponsesWriter(body).whole([WholeAnswer(part, DONE)])

    for response in (whole, streamed):
        del response["id"]
        for item in response["output"]:
            del item["id"]
    assert whole == streamed
    assert whole["usage"] == {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 15, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 27,
    }


def test_calls_come_back_in_the_words_of_the_tools_that_were_offered() -> None:
    tools = [
        {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn"}]},
        {"type": "custom", "name": "patch"},
    ]
    calls = [
        ToolCall(0, "agents__spawn", {"task": "x"}, "call_1"),
        ToolCall(1, "patch", {"input": "*** Begin"}, "call_2"),
        ToolCall(2, "patch", {"text": "*** Begin"}, "call_3"),
    ]
    events = written(ResponsesBody(model="m", tools=tools), [AnswerPart(tool_calls=calls)])

    response = events[-1]["response"]
    assert response["tools"] == tools
    spawn, patch, odd = response["output"]
    assert {key: value for key, value in spawn.items() if key != "id"} == {
        "type": "function_call", "call_id": "call_1", "name": "spawn", "namespace": "agents", "arguments": '{"task":"x"}',
        "status": "completed",
    }  # fmt: skip
    assert {key: value for key, value in patch.items() if key != "id"} == {
        "type": "custom_tool_call", "call_id": "call_2", "name": "patch", "input": "*** Begin", "status": "completed",
    }  # fmt: skip
    assert odd["input"] == '{"text":"*** Begin"}'
    grown = [event for event in events if event.get("item_id") == patch["id"]]
    assert [(event["type"], event.get("delta"), event.get("input")) for event in grown] == [
        ("response.custom_tool_call_input.delta", "*** Begin", None),
        ("response.custom_tool_call_input.done", None, "*** Begin"),
    ]


@pytest.mark.parametrize("reason", ["length", "repeat"])
def test_answer_that_is_cut_off_is_incomplete(reason: str) -> None:
    last = written(ResponsesBody(model="m"), PARTS[2:4], Finished(reason, STATS, 0))[-1]

    assert last["type"] == "response.incomplete"
    response = last["response"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("error", "code"),
    [(RunnerCrashed("gone"), "server_error"), (QueueFull("full"), "server_error"), (InvalidRequest("no"), "invalid_prompt")],
)
def test_failure_keeps_what_was_there(error: Any, code: str) -> None:
    writer = ResponsesWriter(ResponsesBody(model="m"))
    before = events_of(writer.begin(0) + writer.part(0, AnswerPart(text="I ")))
    (failed,) = events_of(writer.failure(error))

    response = failed["response"]
    assert (failed["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"] == {"code": code, "message": str(error)}
    assert response["output"][0]["content"][0]["text"] == "I "
    assert failed["sequence_number"] > before[-1]["sequence_number"]


def test_what_was_asked_for_comes_back() -> None:
    tool = {"type": "function", "name": "look", "parameters": {}}
    body = ResponsesBody(
        model="m", tools=[tool, {"type": "web_search"}], metadata={"a": "b"}, instructions="Be kind.", max_output_tokens=5
    )
    response = written(body, [])[0]["response"]

    assert (response["status"], response["usage"], response["output"]) == ("in_progress", None, [])
    assert (response["tools"], response["metadata"], response["instructions"]) == ([tool], {"a": "b"}, "Be kind.")
    assert (response["store"], response["truncation"], response["text"]) == (False, "disabled", {"format": {"type": "text"}})


def test_thinking_is_given_for_sending_back_where_that_is_asked_for() -> None:
    body = ResponsesBody(model="m", include=["reasoning.encrypted_content"])

    assert written(body, PARTS)[-1]["response"]["output"][0]["encrypted_content"] == "hearth:SXQgbWF5Lg=="
