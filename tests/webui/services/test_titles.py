import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.services.titles import EXCERPT_LENGTH, TITLE_LENGTH, clean_title, excerpt


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("Blue Skies", "Blue Skies"),
        ('"Blue Skies"', "Blue Skies"),
        ("**Title:** Blue Skies.", "Blue Skies"),
        ("Title: “Blue Skies”", "Blue Skies"),
        ("# Blue Skies\n\nThis title is short.", "Blue Skies"),
        ("\n\n- Blue Skies", "Blue Skies"),
        ("Here is a title: Blue Skies", "Blue Skies"),
        ("Here's a short title for it: *Blue Skies*", "Blue Skies"),
        ("标题：蓝色的天空。", "蓝色的天空"),
        ("《蓝色的天空》", "蓝色的天空"),
        ("Blue\u202eSkies\x07", "BlueSkies"),
        ("", ""),
        ("  \n ** \n", ""),
        ("Title:", ""),
        ("Sure! I can help with that.", ""),
        ("I'm sorry, but I cannot do that.", ""),
        ("Why is the sky blue?", ""),
        ("Answer with the title alone.", ""),
        ("word " * 30, "word word word word word word word word word word word word"),
        ("x" * 200, "x" * 60),
    ],
)
def test_clean_title(raw: str, title: str) -> None:
    assert clean_title(raw, "Why is the sky blue?") == title


@given(st.text(max_size=300), st.text(max_size=50))
def test_clean_title_is_one_short_printable_line(raw: str, question: str) -> None:
    title = clean_title(raw, question)
    assert len(title) <= TITLE_LENGTH and title.isprintable()


@given(st.text(max_size=300))
def test_excerpt_is_one_short_line(content: str) -> None:
    assert len(excerpt(content)) <= EXCERPT_LENGTH and "\n" not in excerpt(content)


def test_excerpt_ends_at_a_word() -> None:
    assert excerpt("Tell me everything about the history of the lighthouses of northern Scotland") == (
        "Tell me everything about the history of the lighthouses of…"
    )
