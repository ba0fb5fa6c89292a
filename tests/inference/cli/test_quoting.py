import pytest

from inference.cli.chat.quoting import is_open, unquoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", False),
        ('"""', True),
        ('"""hello', True),
        ('"""hello\nyou', True),
        ('"""hello\nyou"""', False),
        ('"""hello"""', False),
        ('""""""', False),
        ('say """ loudly', False),
        ('/set system """You are', True),
        ('/set system """You are."""', False),
        ('/show """', False),
    ],
)
def test_whether_a_message_goes_on(text: str, expected: bool) -> None:
    assert is_open(text) is expected


@pytest.mark.parametrize(
    ("text", "value"),
    [('"""a\nb"""', "a\nb"), ('"""\na\n"""', "\na\n"), ('"a"', "a"), ("a", "a"), ('""""""', ""), ('"', '"'), ("'a'", "'a'")],
)
def test_quotes_are_taken_off(text: str, value: str) -> None:
    assert unquoted(text) == value
