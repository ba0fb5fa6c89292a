"""The tables of Ollama's own tests for what it prints."""

from datetime import UTC, datetime, timedelta

import pytest

from inference.cli.figures import human_bytes, human_duration, human_number, human_span, human_time, read_time, remaining

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DAY = 24 * 3600


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "1 KB"),
        (1500, "1.5 KB"),
        (999_999, "999 KB"),
        (1_000_000, "1 MB"),
        (1_500_000, "1.5 MB"),
        (352_000_000, "352 MB"),
        (1_000_000_000, "1 GB"),
        (4_661_224_676, "4.7 GB"),
        (1_999_999_999_999, "2.0 TB"),
        (10**13, "10 TB"),
    ],
)
def test_size_in_words(size: int, text: str) -> None:
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (125_000_000, "125M"), (500_500_000, "500.50M"), (134_515_008, "134.52M"),
     (2_800_000_000, "2.8B"), (2_850_000_000, "2.9B"), (7 * 10**9, "7B")],
)  # fmt: skip
def test_number_in_words(number: int, text: str) -> None:
    assert human_number(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (45, "45 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (9 * 60, "9 minutes"),
        (3600, "About an hour"),
        (47 * 3600, "47 hours"),
        (3 * DAY, "3 days"),
        (14 * DAY, "2 weeks"),
        (8 * 7 * DAY, "8 weeks"),
        (90 * DAY, "3 months"),
        (800 * DAY, "2 years"),
    ],
)
def test_duration_in_words(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, "Never"),
        (NOW - timedelta(minutes=9), "9 minutes ago"),
        (NOW - timedelta(days=10), "10 days ago"),
        (NOW + timedelta(minutes=4, seconds=59), "4 minutes from now"),
        (NOW + timedelta(days=365 * 292), "Forever"),
    ],
)
def test_time_in_words(moment: datetime | None, text: str) -> None:
    assert human_time(moment, now=NOW) == text


def test_time_is_read_with_nanoseconds_and_zones() -> None:
    assert read_time("2024-05-14T18:20:32.8543Z") == datetime(2024, 5, 14, 18, 20, 32, 854_300, UTC)
    assert read_time("2024-05-14T18:20:32.983381882+08:00") == datetime(2024, 5, 14, 10, 20, 32, 983_381, UTC)
    assert read_time("2024-05-14T18:20:32Z") == datetime(2024, 5, 14, 18, 20, 32, 0, UTC)


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00:00Z", "2024-99-01T00:00:00.5Z"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize(("seconds", "text"), [(0.0000042, "4.2µs"), (0.8732, "873.2ms"), (12.34, "12.34s"), (62.5, "1m2.5s")])
def test_measured_time_is_exact(seconds: float, text: str) -> None:
    assert human_span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (16.9, "16s"), (192, "3m12s"), (7500, "2h05m"), (10**9, "99h+")])
def test_time_left_is_short(seconds: float, text: str) -> None:
    assert remaining(seconds) == text
