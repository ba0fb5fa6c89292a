import math

import pytest

from inference.errors import InvalidRequest
from inference.runner.messages import ChatMessage, ChatPrompt, RequestFinished, SamplingParams
from tests.inference.runner.answers.conftest import House

pytestmark = pytest.mark.model


def test_logprobs_are_there_only_when_asked_for(house: House) -> None:
    assert house.ask().logprobs == []
    assert [entry.top for entry in house.ask(logprobs=True, max_tokens=3).logprobs] == [[], [], []]


def test_logprobs_are_of_the_tokens_of_the_text(house: House) -> None:
    answer = house.ask(logprobs=True, top_logprobs=20)

    assert b"".join(entry.piece for entry in answer.logprobs).decode() == answer.text
    for entry in answer.logprobs:
        values = [logprob for _piece, logprob in entry.top]
        assert len(values) == 20 and values == sorted(values, reverse=True)
        assert 0.5 < sum(map(math.exp, values)) <= 1.0001
        # The likeliest is what temperature 0 draws.
        assert (entry.piece, entry.logprob) == entry.top[0]


def test_logprobs_are_of_the_model_and_not_of_the_sampling(house: House) -> None:
    plain, forced = (
        house.ask(logprobs=True, top_logprobs=1, max_tokens=1, sampling=sampling)
        for sampling in (SamplingParams(temperature=0), SamplingParams(temperature=2, seed=1, logit_bias={" blue": 100.0}))
    )

    assert forced.text == " blue"
    ((piece, logprob),), ((expected_piece, expected_logprob),) = forced.logprobs[0].top, plain.logprobs[0].top
    assert (piece, logprob) == (expected_piece, pytest.approx(expected_logprob, abs=0.05))
    assert forced.logprobs[0].logprob < -5


def test_logprobs_of_a_character_in_several_tokens_come_with_it(house: House) -> None:
    answer = house.ask(logprobs=True, grammar='root ::= "👩‍🚀 ↄ"', max_tokens=60)

    assert answer.text == "👩‍🚀 ↄ"
    assert b"".join(entry.piece for entry in answer.logprobs).decode() == answer.text


@pytest.mark.parametrize("stop", ["b", "bl", "lue green", "e g", " blue green blue", "nowhere"])
def test_logprobs_end_with_the_text_before_a_stop_string(house: House, stop: str) -> None:
    grammar = 'root ::= "red blue green blue"'

    answer = house.ask(logprobs=True, grammar=grammar, stop=[stop])

    expected = "red blue green blue".partition(stop)[0]
    assert answer.text == expected
    pieces = [entry.piece.decode() for entry in answer.logprobs]
    assert "".join(pieces).startswith(expected)
    # The last one may reach into what was cut off, but begins before it.
    assert len("".join(pieces[:-1])) < max(len(expected), 1)


def test_logprobs_of_an_answer_that_is_all_held_back_come_at_its_end(house: House) -> None:
    answer = house.ask(logprobs=True, grammar='root ::= "abc"', stop=["abcd"])

    assert answer.text == "abc"
    assert b"".join(entry.piece for entry in answer.logprobs) == b"abc"


@pytest.mark.parametrize("count", [-1, 21])
def test_too_many_top_logprobs_are_refused(house: House, count: int) -> None:
    with pytest.raises(InvalidRequest, match="between 0 and 20"):
        house.ask(logprobs=True, top_logprobs=count)


def test_stop_strings_many_at_once_end_at_the_first(house: House) -> None:
    prompt = ChatPrompt([ChatMessage("user", "x")])
    stops = [f"never{index}" for index in range(60)] + ["een", "green"]

    answer = house.ask(prompt=prompt, grammar='root ::= "red green blue"', stop=stops)

    # Both are complete at the same character: the longer one counts.
    assert (answer.text, answer.reason) == ("red ", "length")
    assert isinstance(answer.end, RequestFinished) and answer.end.stop_text == "green"
