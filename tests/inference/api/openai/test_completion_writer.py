from inference.api.lines import AnswerPart
from inference.api.openai.completion_writer import CompletionWriter
from inference.api.openai.logprobs import TextLogprobs
from inference.api.writer import WholeAnswer
from inference.errors import RunnerCrashed
from inference.runner.messages import TokenLogprob
from inference.scheduler import Loading
from tests.inference.api.openai.streams import chunks_of, finished, logprob


def test_stream_and_whole_have_one_shape() -> None:
    writer = CompletionWriter("m", echoes=["Once", ""])
    *chunks, done = chunks_of(
        writer.begin(0)
        + writer.begin(1)
        + writer.part(1, AnswerPart(text="b"))
        + writer.part(0, AnswerPart(text=" a"))
        + writer.part(0, AnswerPart())
        + writer.finish(0, finished("length"))
        + writer.finish(1, finished())
        + writer.end()
    )
    answers = [WholeAnswer(AnswerPart(text=" a"), finished("length")), WholeAnswer(AnswerPart(text="b"), finished())]
    whole = CompletionWriter("m", echoes=["Once", ""]).whole(answers)

    assert done == "[DONE]"
    assert [(chunk["choices"][0]["index"], chunk["choices"][0]["text"]) for chunk in chunks] == [
        (0, "Once"), (1, "b"), (0, " a"), (0, ""), (1, ""),
    ]  # fmt: skip
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "length", "stop"]
    assert whole["choices"] == [
        {"index": 0, "text": "Once a", "logprobs": None, "finish_reason": "length"},
        {"index": 1, "text": "b", "logprobs": None, "finish_reason": "stop"},
    ]
    assert {chunk["object"] for chunk in chunks} == {whole["object"]} == {"text_completion"}
    assert len({chunk["id"] for chunk in chunks}) == 1 and chunks[0]["id"].startswith("cmpl-")


def test_usage_counts_each_prompt_once() -> None:
    answers = [
        WholeAnswer(AnswerPart(text="x"), finished(prompt=size, cached=cached))
        for size, cached in ((7, 0), (7, 6), (9, 8), (9, 8))
    ]
    writer = CompletionWriter("m", echoes=[""] * 4, choices_per_prompt=2, includes_usage=True)
    streamed = b"".join(writer.finish(index, answers[index].finished) for index in (3, 0, 2, 1)) + writer.end()

    usage = CompletionWriter("m", echoes=[""] * 4, choices_per_prompt=2).whole(answers)["usage"]

    assert usage == {
        "prompt_tokens": 16,
        "completion_tokens": 12,
        "total_tokens": 28,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    assert chunks_of(streamed)[-2]["usage"] == usage


def test_logprobs_say_where_each_token_begins() -> None:
    halves = [TokenLogprob("é".encode()[:1], -1.0, [("é".encode()[:1], -1.0)]), TokenLogprob("é".encode()[1:], -2.0, [])]

    shape = TextLogprobs(4).shape([logprob(" a", (" a", -0.5), (" b", -1.0)), *halves, logprob("!")])

    assert shape == {
        "tokens": [" a", "bytes:\\xc3", "bytes:\\xa9", "!"],
        "token_logprobs": [-0.5, -1.0, -2.0, -0.5],
        "top_logprobs": [{" a": -0.5, " b": -1.0}, {"bytes:\\xc3": -1.0}, {}, {}],
        "text_offset": [4, 6, 6, 7],
    }


def test_offsets_go_on_from_chunk_to_chunk() -> None:
    writer = CompletionWriter("m", echoes=[""])
    chunks = chunks_of(
        writer.part(0, AnswerPart(text="ab", logprobs=[logprob("ab")]))
        + writer.part(0, AnswerPart(text="c", logprobs=[logprob("c")]))
    )

    assert [chunk["choices"][0]["logprobs"]["text_offset"] for chunk in chunks] == [[0], [2]]
    assert chunks[0]["choices"][0]["logprobs"]["top_logprobs"] is None


def test_events_and_failure() -> None:
    assert CompletionWriter("m", echoes=[""]).event(Loading(0.5)) == b""
    assert chunks_of(CompletionWriter("m", echoes=[""], wants_events=True).event(Loading(0.5))) == [
        'hearth {"event":"loading","fraction":0.5}'
    ]
    assert (
        chunks_of(CompletionWriter("m", echoes=[""]).failure(RunnerCrashed("It broke.")))[0]["error"]["code"] == "runner_crashed"
    )
