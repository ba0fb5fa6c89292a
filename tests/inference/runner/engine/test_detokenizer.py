from hypothesis import example, given
from hypothesis import strategies as st

from inference.runner.engine.detokenizer import Detokenizer

TEXTS = st.text(alphabet="ab\n語🌍é€👩‍🚀 ", max_size=30)
STOPS = st.lists(st.text(alphabet="ab\n語🌍", min_size=1, max_size=4), max_size=3)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """The bytes in pieces of the given sizes, and the rest byte by byte."""
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return pieces + [data[i : i + 1] for i in range(start, len(data))]


def before_first_stop(text: str, stops: list[str]) -> tuple[str, bool]:
    """By definition: character by character, until some stop string is complete."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


@given(text=TEXTS, sizes=st.lists(st.integers(1, 5), max_size=20))
def test_detokenizer_split_characters_arrive_whole(text: str, sizes: list[int]) -> None:
    detokenizer = Detokenizer([])

    parts = [detokenizer.feed(piece) for piece in cut(text.encode(), sizes)]

    assert "".join(parts) == text
    assert not any("\ufffd" in part for part in parts)


@given(text=TEXTS, stops=STOPS, sizes=st.lists(st.integers(1, 5), max_size=20))
@example(text="abab", stops=["bab", "ba"], sizes=[])
@example(text="xab", stops=["abc"], sizes=[1])
def test_detokenizer_stop_strings_end_the_text_wherever_pieces_are_cut(text: str, stops: list[str], sizes: list[int]) -> None:
    detokenizer = Detokenizer(stops)

    shown = "".join(detokenizer.feed(piece) for piece in cut(text.encode(), sizes))
    if not detokenizer.is_stopped:
        shown += detokenizer.flush()

    assert (shown, detokenizer.is_stopped) == before_first_stop(text, stops)


@given(text=TEXTS, stops=STOPS)
def test_detokenizer_never_takes_back_what_it_showed(text: str, stops: list[str]) -> None:
    detokenizer, shown = Detokenizer(stops), ""

    for character in text:
        shown += detokenizer.feed(character.encode())
        assert before_first_stop(text, stops)[0].startswith(shown)


def test_detokenizer_incomplete_character_at_the_end_is_left_out() -> None:
    detokenizer = Detokenizer([])

    shown = detokenizer.feed(b"a" + "語".encode()[:2]) + detokenizer.flush()

    assert shown == "a"


def test_detokenizer_bytes_that_are_no_text_become_replacement_characters() -> None:
    detokenizer = Detokenizer([])

    assert detokenizer.feed(b"a\xffb") == "a\ufffdb"


def test_detokenizer_empty_stop_string_is_ignored() -> None:
    detokenizer = Detokenizer([""])

    assert detokenizer.feed(b"abc") == "abc"
