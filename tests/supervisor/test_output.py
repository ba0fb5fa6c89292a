import io
import os

import pytest

from webui.supervisor.output import LONGEST_LINE, Output, write_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("", ""),
        ("plain words", "Plain words"),
        ("inference.errors.ModelLoadFailed: no memory left.", "No memory left."),
        ("ERROR inference.api: no memory left.", "No memory left."),
        ("2026-01-31 12:00:00,123 ERROR inference.api.server: no memory left.", "No memory left."),
        ("Traceback (most recent call last):\n  File x\nValueError: not a number", "Not a number"),
        ("Error: Port 11434 is in use.\n\n", "Port 11434 is in use."),
        ("Note: lower parts: stay", "Lower parts: stay"),
    ],
)
def test_the_cause_is_the_last_sentence_without_its_wrapping(said: str, cause: str) -> None:
    output = Output("web")

    output.feed(said.encode())
    output.close()

    assert output.cause() == cause


@pytest.mark.parametrize(
    "error", ["webui.env.ConfigurationError", "django.core.exceptions.ImproperlyConfigured", "SettingsError"]
)
def test_configuration_errors_are_known_by_their_class(error: str) -> None:
    output = Output("web")

    output.feed(f"{error}: HEARTH_DEBUG must be true or false.\n".encode())

    assert output.is_configuration_error


def test_other_errors_are_no_configuration_errors() -> None:
    output = Output("web")

    output.feed(b"OSError: disk full\n")

    assert not output.is_configuration_error


def test_lines_are_prefixed_even_when_they_arrive_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("web")

    for piece in (b"one\ntw", b"o\nthr", "ä\n".encode()[:1], "ä\n".encode()[1:], b"\xff\n"):
        output.feed(piece)
    output.close()

    assert capsys.readouterr().out.splitlines() == [
        "web       | one",
        "web       | two",
        "web       | thrä",
        "web       | \ufffd",
    ]


def test_a_line_without_end_is_cut_and_not_kept_in_memory(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output("web")

    for _ in range(100):
        output.feed(b"x" * 1000)
    output.close()

    assert max(map(len, capsys.readouterr().out.splitlines())) <= LONGEST_LINE + len("bootstrap | ")


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    file, terminal = io.StringIO(), Terminal()

    for stream in (file, terminal):
        write_line("web", "ERROR a.b: broken", stream)

    assert file.getvalue() == "web       | ERROR a.b: broken\n"
    assert terminal.getvalue() == "\x1b[36mweb       |\x1b[0m \x1b[31mERROR a.b: broken\x1b[0m\n"


def test_a_reader_that_is_gone_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    with io.TextIOWrapper(open(writing, "wb", buffering=0), write_through=True) as stream:  # noqa: PTH123
        write_line("web", "nobody reads this", stream)
