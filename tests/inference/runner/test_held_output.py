from inference.runner.held_output import HeldOutput
from inference.runner.messages import OutputDelta, PromptProgress, RequestFinished, RequestStats, TokenLogprob

PROGRESS = PromptProgress(request_id="b", num_computed_tokens=1, num_prompt_tokens=2)
END = RequestFinished(request_id="a", finish_reason="stop", stats=RequestStats())


def test_pieces_of_an_answer_become_one_and_everything_keeps_its_order() -> None:
    held = HeldOutput()
    held.add([OutputDelta("a", "1", 1), PROGRESS])
    held.add([OutputDelta("a", "2", 2), OutputDelta("b", "x", 1)])
    held.add([OutputDelta("a", "3", 1), END, OutputDelta("b", "y", 1)])

    assert held.take() == [OutputDelta("a", "123", 4), PROGRESS, OutputDelta("b", "xy", 2), END]
    assert held.take() == []
    held.add([OutputDelta("a", "4", 1)])
    assert held.take() == [OutputDelta("a", "4", 1)]


def test_log_probabilities_stay_with_their_text() -> None:
    one, two = (TokenLogprob(text.encode(), -1.0, []) for text in "12")
    held = HeldOutput()
    held.add([OutputDelta("a", "1", 1, [one])])
    held.add([OutputDelta("a", "2", 1, [two])])

    assert held.take() == [OutputDelta("a", "12", 2, [one, two])]
