import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.cli.terminal import decode_input, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext 你好 😊", "plain\n\ttext 你好 😊"),
        ("\x1b]52;c;cm0gLXJm\x07", "␛]52;c;cm0gLXJm␇"),
        ("\x1b[2J", "␛[2J"),
        ("\x9b2J\x7f", "\ufffd2J␡"),
        ("a\r\nb", "a\nb"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
    ],
)
def test_what_steers_a_terminal_is_shown_instead(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_shown_steers_a_terminal(text: str) -> None:
    codes = [ord(character) for character in visible(text) if character not in "\n\t"]

    assert not [code for code in codes if code < 0x20 or 0x7F <= code < 0xA0]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("你好".encode(), "你好"),
        (b"\xef\xbb\xbfhello", "hello"),
        ("你好".encode("utf-16"), "你好"),
        ("中文文件".encode("gb18030"), "中文文件"),
        (b"\xff\xff\xff", "\ufffd\ufffd\ufffd"),
    ],
)
def test_piped_text_is_read_in_the_encoding_it_has(content: bytes, text: str) -> None:
    assert decode_input(content) == text
