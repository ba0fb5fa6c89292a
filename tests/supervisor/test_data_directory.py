import os
import stat
from pathlib import Path

import pytest

from webui.env import ConfigurationError
from webui.supervisor.data_directory import DataDirectoryInUse, held_data_directory, prepare_data_directory
from webui.supervisor.secret_key import ensure_secret_key


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEARTH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("HEARTH_SECRET_KEY")
    return tmp_path / "data"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_in_place_of_the_directory_is_one_sentence(data: Path) -> None:
    data.write_text("")

    with pytest.raises(ConfigurationError) as refusal:
        prepare_data_directory()

    assert str(refusal.value) == (
        f"Hearth cannot keep its data in {data}: a file is in its place. "
        "Make that directory writable, or set HEARTH_DATA to another one."
    )


def test_a_directory_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_DATA", "/proc/hearth")

    with pytest.raises(
        ConfigurationError, match=r"^Hearth cannot keep its data in /proc/hearth: .+ or set HEARTH_DATA to another one\.$"
    ):
        prepare_data_directory()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_write_permission_is_one_sentence(data: Path) -> None:
    data.mkdir(mode=0o500)

    with pytest.raises(ConfigurationError, match="permission denied"):
        prepare_data_directory()


def test_new_folders_are_private_whatever_the_umask(data: Path) -> None:
    before = os.umask(0o000)
    try:
        prepare_data_directory()
    finally:
        os.umask(before)

    assert {path.name: mode(path) for path in (data, data / "run", data / "static")} == {
        "data": 0o700,
        "run": 0o700,
        "static": 0o700,
    }


def test_a_second_supervisor_is_told_who_holds_the_directory(data: Path) -> None:
    prepare_data_directory()

    with held_data_directory(), pytest.raises(DataDirectoryInUse, match=rf"\(process {os.getpid()}\)"), held_data_directory():
        pass

    with held_data_directory():
        assert (data / "run" / "serve.lock").read_text() == str(os.getpid())


def test_the_secret_key_is_long_private_and_never_replaced(data: Path) -> None:
    data.mkdir()

    path = ensure_secret_key()
    first = path.read_text()
    ensure_secret_key()

    assert path.read_text() == first
    assert len(first.strip()) >= 50
    assert mode(path) == 0o600
    assert [entry.name for entry in data.iterdir()] == ["secret_key"]


def test_an_empty_secret_key_left_by_a_full_disk_is_replaced(data: Path) -> None:
    data.mkdir()
    (data / "secret_key").touch()

    assert len(ensure_secret_key().read_text()) >= 50


def test_a_key_from_the_environment_needs_no_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    monkeypatch.setenv("HEARTH_SECRET_KEY", "given")

    assert ensure_secret_key() is None
    assert list(data.iterdir()) == []
