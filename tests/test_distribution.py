"""That a run in several processes knows the folders it treats apart: one that was renamed would only make the run longer."""

import pytest

from tests.distribution import LONG, TOGETHER, rank_of, unit_of
from tests.test_imports import ROOT


@pytest.mark.parametrize("start", [*TOGETHER, *LONG])
def test_named_folder_has_tests(start: str) -> None:
    assert any(path.relative_to(ROOT).as_posix().startswith(start) for path in ROOT.glob("tests/**/test_*.py"))


def test_tests_of_one_site_stay_together_and_come_first() -> None:
    of_site, of_file = "tests/e2e/test_layout.py::test_a[x::y]", "tests/contract/test_show.py::test_b"

    assert (unit_of(of_site), unit_of(of_file)) == ("tests/e2e/", "tests/contract/test_show.py")
    assert rank_of(of_site) < rank_of(of_file) < rank_of("tests/inference/test_sizes.py::test_c")


@pytest.mark.parametrize("body", [b"\x8b", b"\x8c"])
def test_binary_value_gives_no_name(body: bytes, request: pytest.FixtureRequest) -> None:
    assert request.node.name.startswith("test_binary_value_gives_no_name[body")
