import json
from pathlib import Path

import pytest

from inference.estimate.calibration import MEASURED_KINDS, Calibrations, processor_name


def calibrations(folder: Path) -> Calibrations:
    return Calibrations(folder, list)


def keep(folder: Path, **changes: object) -> None:
    kept = {"machine": calibrations(folder).machine, "rates": dict.fromkeys(MEASURED_KINDS, 1e9), "layer_seconds": 1e-5}
    (folder / "machine.json").write_text(json.dumps(kept | changes))


async def test_kept_calibration_of_this_machine_is_used(tmp_path: Path) -> None:
    keep(tmp_path)
    known = await calibrations(tmp_path).measured()
    assert known is not None and known.bandwidth == 1e9


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": "another"},
        {"rates": {}},
        {"rates": {"Q4_0": 1e9}},
        {"rates": dict.fromkeys(MEASURED_KINDS, -1.0)},
        {"rates": "fast"},
        {"layer_seconds": -1},
    ],
)
async def test_calibration_that_is_of_no_use_is_not_used(tmp_path: Path, changes: dict[str, object]) -> None:
    keep(tmp_path, **changes)
    assert await calibrations(tmp_path).known() is None


@pytest.mark.parametrize("content", [b"", b"null", b"{", b"\xff\xff", b"[" * 5000])
async def test_damaged_file_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "machine.json").write_bytes(content)
    assert await calibrations(tmp_path).known() is None


async def test_measurement_that_cannot_be_made_is_not_tried_again_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # There is no folder to make the file in.
    tried = calibrations(tmp_path / "absent")
    assert await tried.measured() is None
    assert await tried.measured() is None
    assert caplog.text.count("could not be measured") == 1


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC 9654\n", "AMD EPYC 9654"),
        ("processor: 0\nBogoMIPS: 108\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n", "0x41 0xd0b"),
        ("model name : " + "x" * 500, "x" * 100),
    ],
)
def test_processor_as_the_kernel_names_it(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_name(tmp_path / "cpuinfo").endswith(name)
