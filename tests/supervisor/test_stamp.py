import os
import shutil
import time
from pathlib import Path

import pytest

from webui.paths import BASE_DIR
from webui.supervisor.stamp import MANIFEST, fingerprint, needs_bootstrap, stamp_path, write_stamp


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEARTH_DATA", str(tmp_path))
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / MANIFEST).write_text("{}")
    (tmp_path / "hearth.sqlite3").touch()
    return tmp_path


@pytest.fixture
def code(tmp_path: Path) -> Path:
    copy = tmp_path / "code"
    for folder in ("webui/migrations", "static"):
        shutil.copytree(BASE_DIR / folder, copy / folder)
    shutil.copy(BASE_DIR / "pyproject.toml", copy)
    return copy


def test_a_new_directory_needs_bootstrap_and_a_stamped_one_does_not(data: Path) -> None:
    assert needs_bootstrap()

    write_stamp()

    assert not needs_bootstrap()


@pytest.mark.parametrize("lost", [f"static/{MANIFEST}", "bootstrap.stamp", "hearth.sqlite3"])
def test_what_is_lost_is_made_again(lost: str, data: Path) -> None:
    write_stamp()

    (data / lost).unlink()

    assert needs_bootstrap()


def test_a_lost_secret_key_is_made_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stamp()

    monkeypatch.delenv("HEARTH_SECRET_KEY")

    assert needs_bootstrap()


def test_another_database_needs_bootstrap(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stamp()

    monkeypatch.setenv("DATABASE_URL", "postgres://hearth:word@db/hearth")

    assert needs_bootstrap()
    assert "word" not in stamp_path().read_text()


def test_a_database_put_back_from_a_copy_needs_bootstrap(data: Path) -> None:
    write_stamp()

    shutil.copy(data / "hearth.sqlite3", data / "copy")
    (data / "copy").replace(data / "hearth.sqlite3")

    assert needs_bootstrap()


def test_any_change_of_a_watched_file_changes_the_fingerprint(data: Path, code: Path) -> None:
    seen = [fingerprint(code)]

    (code / "webui/migrations/0002_more.py").write_text("")
    seen.append(fingerprint(code))
    os.utime(code / "static/css/base.css", (1, 1))
    seen.append(fingerprint(code))
    (code / "pyproject.toml").write_text('version = "9"')
    seen.append(fingerprint(code))

    assert len(set(seen)) == 4
    assert fingerprint(code) == seen[-1]


def test_compiled_python_files_are_not_watched(data: Path, code: Path) -> None:
    before = fingerprint(code)

    (code / "webui/migrations/__pycache__").mkdir(exist_ok=True)
    (code / "webui/migrations/__pycache__/new.pyc").write_text("")

    assert fingerprint(code) == before


def test_the_fingerprint_is_cheap(data: Path) -> None:
    started = time.process_time()

    fingerprint()

    # Bootstrap itself takes over a second; a few milliseconds are usual here.
    assert time.process_time() - started < 0.25
