import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from inference.cli.chat.wrapping import Wrapper

WIDTH = 20
TAKEN_BACK = re.compile(r"\x1b\[(\d+)D\x1b\[K")


def screen(output: str) -> list[str]:
    """The lines that a terminal shows of it."""
    lines = [""]
    for part in re.split(r"(\n|\x1b\[\d+D\x1b\[K)", output):
        if part == "\n":
            lines.append("")
        elif match := TAKEN_BACK.fullmatch(part):
            wanted = cell_len(lines[-1]) - int(match[1])
            while cell_len(lines[-1]) > wanted:
                lines[-1] = lines[-1][:-1]
        else:
            lines[-1] += part
    return lines


def wrapped(text: str, *, step: int = 1) -> list[str]:
    wrapper = Wrapper(WIDTH)
    return screen("".join(wrapper.feed(text[start : start + step]) for start in range(0, len(text), step)))


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_words_are_kept_whole(step: int) -> None:
    assert wrapped("I am a language model, trained by a team.", step=step) == [
        "I am a language ",
        "model, trained by ",
        "a team.",
    ]


def test_chinese_breaks_between_characters_by_their_width() -> None:
    lines = wrapped("我是一个人工智能助手很高兴认识你们大家")

    assert lines == ["我是一个人工智能助", "手很高兴认识你们大", "家"]


def test_closing_mark_does_not_begin_a_line() -> None:
    assert wrapped("我是一个人工智能助。你好") == ["我是一个人工智能助。", "你好"]


def test_word_longer_than_a_line_is_cut() -> None:
    assert wrapped("x" * 40) == ["x" * 18, "x" * 18, "x" * 4]


def test_line_breaks_of_the_text_stay() -> None:
    assert wrapped("a\n\nb") == ["a", "", "b"]


def test_escape_sequences_are_shown_and_not_sent() -> None:
    assert wrapped("a\x1b[31mb") == ["a␛[31mb"]


@given(st.text(alphabet=st.sampled_from("ab c，。你好😊\n\t\x1be\u0301"), max_size=120), st.integers(1, 7))
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(text: str, step: int) -> None:
    lines = wrapped(text, step=step)

    assert max(map(cell_len, lines)) <= WIDTH
    assert "".join("".join(lines).split()) == "".join(text.replace("\x1b", "␛").split())
