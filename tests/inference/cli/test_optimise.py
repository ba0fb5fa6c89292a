import pytest

from inference.cli.commands.bench import tokens_per_second
from inference.cli.commands.optimise import print_result

BEFORE = {"quantization": "Q4_1", "size": 98_000_000, "prefill": 305.2, "decode": 131.4, "perplexity": 21.25}
FASTER = {"quantization": "Q4_0", "size": 92_000_000, "prefill": 862.0, "decode": 209.9, "perplexity": 21.9}
SLOWER = {"quantization": "Q8_0", "size": 144_000_000, "prefill": 290.0, "decode": 70.06, "perplexity": None}


def test_result_shows_before_after_and_what_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(
        {"source": "m:1b", "model": "m:1b-fast", "reason": "", "before": BEFORE, "after": FASTER, "tried": [FASTER, SLOWER]}
    )

    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "NAME",
        "m:1b",
        "m:1b-fast",
        "(tried)",
        "",
        "Created 'm:1b-fast'; 'm:1b' is kept.",
    ]


def test_result_without_a_new_model_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "Nothing that was tried is faster."
    print_result({"source": "m:1b", "model": None, "reason": reason, "before": BEFORE, "after": SLOWER, "tried": [SLOWER]})

    out = capsys.readouterr().out
    assert "m:1b       Q4_1            98 MB     305 tokens/s    131 tokens/s     21.25" in out
    assert "(tried)    Q8_0            144 MB    290 tokens/s    70.1 tokens/s    -" in out
    assert out.endswith(f"\n\n{reason}\n")


@pytest.mark.parametrize(("speed", "text"), [(None, "-"), (3.14, "3.1 tokens/s"), (209.9, "210 tokens/s")])
def test_speed_has_no_digits_that_mean_nothing(speed: float | None, text: str) -> None:
    assert tokens_per_second(speed) == text
