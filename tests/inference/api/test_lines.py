from inference.api.lines import AnswerPart, chat_content, final_line, generate_content, output_line
from inference.prompt.parsing import ToolCall
from inference.runner.messages import RequestStats, TokenLogprob
from inference.scheduler import Finished


def done_reason(finish_reason: str, *, knows_hearth: bool) -> str:
    finished = Finished(finish_reason, RequestStats(), 0)
    line = final_line("m", chat_content, finished, AnswerPart(), total_duration_ns=1, knows_hearth=knows_hearth)
    assert "logprobs" not in line
    return str(line["done_reason"])


def test_repetition_is_told_in_a_word_that_the_client_knows() -> None:
    assert done_reason("repeat", knows_hearth=True) == "repeat"
    assert done_reason("repeat", knows_hearth=False) == "length"
    assert {done_reason(reason, knows_hearth=False) for reason in ("stop", "length")} == {"stop", "length"}


def test_logprobs_have_ollamas_shape() -> None:
    half = "é".encode()[:1]
    part = AnswerPart("a", logprobs=[TokenLogprob(b"a", -0.5, [(b"a", -0.5), (half, -1.5)]), TokenLogprob(half, -9999.0)])

    line = output_line("m", chat_content, part)

    assert line["logprobs"] == [
        {
            "token": "a",
            "logprob": -0.5,
            "bytes": [97],
            "top_logprobs": [
                {"token": "a", "logprob": -0.5, "bytes": [97]},
                {"token": "\ufffd", "logprob": -1.5, "bytes": [195]},
            ],
        },
        {"token": "\ufffd", "logprob": -9999.0, "bytes": [195]},
    ]
    assert "logprobs" not in output_line("m", chat_content, AnswerPart("a"))


def test_parts_have_ollamas_shape() -> None:
    call = ToolCall(0, "now", {"b": 1, "a": 2}, id="call_12345678")

    assert chat_content(AnswerPart(tool_calls=[call])) == {
        "message": {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_12345678", "function": {"index": 0, "name": "now", "arguments": {"b": 1, "a": 2}}}],
        }
    }
    assert chat_content(AnswerPart(thinking="hm")) == {"message": {"role": "assistant", "content": "", "thinking": "hm"}}
    assert generate_content(AnswerPart("x", thinking="hm")) == {"response": "x", "thinking": "hm"}
    assert generate_content(AnswerPart("x")) == {"response": "x"}
