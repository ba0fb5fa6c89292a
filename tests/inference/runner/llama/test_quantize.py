import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from inference.runner.llama import quantize
from tests.inference.tiny_models import write_llama


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(10**9, 10**9 - 1000, 1000))
    source, destination = write_llama(tmp_path / "source.gguf", None), tmp_path / "new.gguf"
    request = {"source": str(source), "destination": str(destination), "file_type": 7, "allow_requantize": False}
    assert "are needed on the disk, and 0 MB are free" in quantize._run(request)
    assert not destination.exists()
    assert capsys.readouterr().out.startswith('{"size": ')
