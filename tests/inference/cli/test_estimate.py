import pytest

from inference.cli.transfer import describe_estimate

ANSWER = {
    "download_bytes": 4_400_000_000,
    "memory_bytes": 5_100_000_000,
    "short_bytes": 0,
    "fits": True,
    "tokens_per_second": 13.6,
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "4.4 GB to download, needs 5.1 GB of memory, fits, about 14 tokens/s"),
        ({"tokens_per_second": None}, "4.4 GB to download, needs 5.1 GB of memory, fits"),
        ({"tokens_per_second": 0.3}, "4.4 GB to download, needs 5.1 GB of memory, fits, less than 1 token/s"),
        (
            {"fits": False, "short_bytes": 9_000_000_000},
            "4.4 GB to download, needs 5.1 GB of memory, 9 GB more than this machine has free",
        ),
    ],
)
def test_what_a_download_takes_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    assert describe_estimate(ANSWER | changes) == sentence
