import os
from pathlib import Path

import pytest

from inference.runner.threads import usable_cores


def topology(folder: Path, siblings: list[str]) -> Path:
    for cpu, text in enumerate(siblings):
        path = folder / f"cpu{cpu}" / "topology"
        path.mkdir(parents=True)
        (path / "thread_siblings_list").write_text(text + "\n")
    return folder


@pytest.fixture
def four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)


@pytest.mark.usefixtures("four_cpus")
@pytest.mark.parametrize(
    ("siblings", "quota", "cores"),
    [
        (["0", "1", "2", "3"], "max 100000", 4),
        (["0-1", "0-1", "2-3", "2-3"], "max 100000", 2),
        (["0", "1", "2", "3"], "150000 100000", 2),
        (["0", "1", "2", "3"], "10000 100000", 1),
        (["0", "1", "2", "3"], "800000 100000", 4),
        (["0", "1", "2", "3"], "nonsense", 4),
        ([], "max 100000", 4),
    ],
    ids=["plain", "two threads a core", "quota rounds up", "small quota", "large quota", "unreadable", "no topology"],
)
def test_usable_cores_counts_cores_within_the_quota(tmp_path: Path, siblings: list[str], quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")

    assert usable_cores(cgroup=tmp_path, topology=topology(tmp_path / "cpu-topology", siblings)) == cores


@pytest.mark.usefixtures("four_cpus")
@pytest.mark.parametrize(("quota", "cores"), [("-1", 4), ("200000", 2)])
def test_usable_cores_version_1_groups(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")

    assert usable_cores(cgroup=tmp_path, topology=tmp_path) == cores


@pytest.mark.usefixtures("four_cpus")
@pytest.mark.parametrize(
    ("quotas", "cores"),
    [
        ({"": "max"}, 4),
        ({"a.slice/b.service": "200000"}, 2),
        ({"a.slice": "100000", "a.slice/b.service": "300000"}, 1),
        ({"other": "1"}, 4),
    ],
)
def test_usable_cores_of_a_service_are_what_its_groups_allow(tmp_path: Path, quotas: dict[str, str], cores: int) -> None:
    (tmp_path / "groups" / "a.slice" / "b.service").mkdir(parents=True)
    (tmp_path / "groups" / "other").mkdir()
    (tmp_path / "membership").write_text("0::/a.slice/b.service\n")
    for name, quota in quotas.items():
        (tmp_path / "groups" / name / "cpu.max").write_text(f"{quota} 100000\n")

    assert usable_cores(tmp_path / "groups", topology(tmp_path / "cpus", []), tmp_path / "membership") == cores
