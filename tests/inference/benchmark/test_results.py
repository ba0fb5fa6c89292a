from pathlib import Path

import msgspec
import pytest

from inference.benchmark import results
from inference.benchmark.results import Benchmarks, BenchResult


def result(number: int, machine: str = "here", **changes: object) -> BenchResult:
    made = BenchResult(
        model=f"m{number}",
        digest=f"sha256:{number}",
        machine=machine,
        prefill=1.0,
        prompt_tokens=1,
        repeats=1,
        measured_at=number,
    )
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'[{"model": 1}]', b"\xff\xfe", b"[[[[[["])
def test_damaged_file_is_left_out_and_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "benchmarks.json").write_bytes(content)
    kept = Benchmarks(tmp_path)
    assert kept.all() == []
    kept.add(result(1))
    assert Benchmarks(tmp_path).all() == [result(1)]


def test_newest_result_of_a_model_and_machine_counts(tmp_path: Path) -> None:
    kept = Benchmarks(tmp_path)
    kept.add(result(1, ratio=0.5))
    kept.add(result(1, "there", ratio=0.9))
    kept.add(result(1, ratio=0.7))
    kept.add(result(2))
    found = kept.of("sha256:1", "here")
    assert found is not None and found.ratio == 0.7
    assert len(kept.all()) == 3
    assert kept.ratios("here") == [0.7]
    assert kept.of("sha256:3", "here") is None


def test_oldest_results_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_MOST_RESULTS", 3)
    kept = Benchmarks(tmp_path)
    for number in (4, 1, 3, 2, 5):
        kept.add(result(number))
    assert [one.model for one in Benchmarks(tmp_path).all()] == ["m5", "m4", "m3"]
