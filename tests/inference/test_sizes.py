import pytest

from inference.sizes import human_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("4GiB", 4 * 1024**3),
        ("4G", 4 * 1024**3),
        ("500MB", 500_000_000),
        ("1.5 kib", 1536),
        ("2tb", 2 * 10**12),
        ("7B", 7),
    ],
)
def test_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "4GiBs", "4 4", "1e9", "iB", "5i", "٤", "9" * 30, "4.G.B"])
def test_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 MB"), (98_765_432, "99 MB"), (1_000_000_000, "1.0 GB"), (4_130_000_000, "4.1 GB")]
)
def test_size_is_written(size: int, text: str) -> None:
    assert human_size(size) == text
