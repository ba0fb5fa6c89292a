import json
from typing import Any

from inference.api.lines import AnswerPart
from inference.api.openai.chat_writer import ChatWriter
from inference.api.writer import WholeAnswer
from inference.errors import ContextLengthExceeded, RunnerCrashed
from inference.prompt.parsing import ToolCall
from inference.scheduler import Queued
from tests.inference.api.openai.streams import chunks_of, finished, logprob

CALL = ToolCall(0, "get_weather", {"city": "Köln", "days": 2}, "call_1")
SHOWN_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Köln","days":2}'}}


def deltas(chunks: list[Any]) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks if chunk != "[DONE]" and chunk["choices"]]


def test_stream_has_the_role_once_and_its_end_apart() -> None:
    writer = ChatWriter("m")
    chunks = chunks_of(
        writer.begin(0)
        + writer.part(0, AnswerPart(thinking="hm"))
        + writer.part(0, AnswerPart(text="Hel"))
        + writer.part(0, AnswerPart(text="lo"))
        + writer.finish(0, finished())
        + writer.end()
    )

    assert chunks.pop() == "[DONE]"
    assert deltas(chunks) == [
        {"role": "assistant", "content": "", "refusal": None},
        {"reasoning": "hm", "reasoning_content": "hm"},
        {"content": "Hel"},
        {"content": "lo"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, None, "stop"]
    heads = {(c["id"], c["created"], c["model"], c["object"], c["system_fingerprint"]) for c in chunks}
    assert len(heads) == 1
    assert all(set(chunk) == {"id", "created", "model", "object", "system_fingerprint", "choices"} for chunk in chunks)
    assert chunks[0]["id"].startswith("chatcmpl-") and chunks[0]["id"] != json.loads(ChatWriter("m").begin(0)[6:])["id"]


def test_stream_with_usage_says_so_in_every_chunk() -> None:
    writer = ChatWriter("m", num_choices=2, includes_usage=True)
    chunks = chunks_of(
        writer.begin(1)
        + writer.finish(1, finished("length", cached=6))
        + writer.begin(0)
        + writer.finish(0, finished())
        + writer.end()
    )

    *before, last, done = chunks
    assert [chunk["usage"] for chunk in before] == [None] * 4
    assert [chunk["choices"][0]["index"] for chunk in before] == [1, 1, 0, 0]
    assert [chunk["choices"][0]["finish_reason"] for chunk in before] == [None, "length", None, "stop"]
    assert (last["choices"], done) == ([], "[DONE]")
    assert last["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 6,
        "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def test_call_comes_whole_in_one_chunk() -> None:
    writer = ChatWriter("m")
    _, call, end = chunks_of(writer.begin(0) + writer.part(0, AnswerPart(tool_calls=[CALL])) + writer.finish(0, finished()))

    assert call["choices"][0]["delta"] == {"tool_calls": [{"index": 0, **SHOWN_CALL}]}
    assert end["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"}


def test_whole_answer_with_a_call_has_no_content() -> None:
    message = ChatWriter("m").whole([WholeAnswer(AnswerPart(tool_calls=[CALL]), finished())])["choices"][0]

    assert message["finish_reason"] == "tool_calls"
    assert message["message"] == {"role": "assistant", "content": None, "refusal": None, "tool_calls": [SHOWN_CALL]}


def test_whole_answer_of_two_choices() -> None:
    parts = [AnswerPart(text="a", thinking="t"), AnswerPart(text="b")]
    answers = [WholeAnswer(parts[0], finished("repeat")), WholeAnswer(parts[1], finished())]

    body = ChatWriter("m", num_choices=2).whole(answers)

    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert [choice["finish_reason"] for choice in body["choices"]] == ["length", "stop"]
    assert body["choices"][0]["message"] == {
        "role": "assistant", "content": "a", "refusal": None, "reasoning": "t", "reasoning_content": "t",
    }  # fmt: skip
    assert body["choices"][1] == {
        "index": 1,
        "message": {"role": "assistant", "content": "b", "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    assert (body["object"], body["usage"]["total_tokens"], "hearth" in body) == ("chat.completion", 13, False)


def test_dropped_tokens_are_told() -> None:
    ended = finished(dropped=40, cached=5)
    hearth = {"dropped_tokens": 40, "cached_tokens": 5}

    assert chunks_of(ChatWriter("m").finish(0, ended))[0]["hearth"] == hearth
    assert ChatWriter("m").whole([WholeAnswer(AnswerPart(text="x"), ended)])["hearth"] == hearth


def test_logprobs_have_openais_shape() -> None:
    part = AnswerPart(text="é", logprobs=[logprob("é", ("é", -0.5), ("e", float("-inf")))])
    (chunk,) = chunks_of(ChatWriter("m").part(0, part))

    assert chunk["choices"][0]["logprobs"] == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [
                    {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
                    {"token": "e", "logprob": -9999.0, "bytes": [101]},
                ],
            }
        ],
        "refusal": None,
    }
    assert ChatWriter("m").whole([WholeAnswer(part, finished())])["choices"][0]["logprobs"] == chunk["choices"][0]["logprobs"]


def test_events_are_comments_for_those_who_asked() -> None:
    assert ChatWriter("m").event(Queued(2, 14)) == b""
    assert chunks_of(ChatWriter("m", wants_events=True).event(Queued(2, 14))) == [
        'hearth {"event":"queued","position":2,"seconds":14}'
    ]


def test_failure_has_the_shape_of_an_error() -> None:
    for error, kind in ((RunnerCrashed("It broke."), "api_error"), (ContextLengthExceeded("Too long."), "invalid_request_error")):
        assert chunks_of(ChatWriter("m").failure(error)) == [
            {"error": {"message": str(error), "type": kind, "param": None, "code": error.code}}
        ]
