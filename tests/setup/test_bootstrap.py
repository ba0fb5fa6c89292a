"""The bootstrap command, run the way the supervisor runs it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from webui.management.commands.bootstrap import COPIES_KEPT
from webui.paths import BASE_DIR

pytestmark = pytest.mark.services


def manage(data: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")} | {"HEARTH_DATA": str(data)}
    command = [sys.executable, "manage.py", *arguments]
    result = subprocess.run(command, cwd=BASE_DIR, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_new_directory_gets_key_database_and_static_files(tmp_path: Path) -> None:
    data = tmp_path / "data"

    manage(data, "bootstrap")

    assert oct((data / "secret_key").stat().st_mode & 0o777) == "0o600"
    assert oct(data.stat().st_mode & 0o777) == "0o700"
    assert {"webui_user", "webui_message", "django_session"} <= tables(data / "hearth.sqlite3")
    assert list((data / "static" / "css").glob("*.????????????.css.gz"))
    with closing(sqlite3.connect(data / "hearth.sqlite3")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    manage(tmp_path, "bootstrap")
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in {".sqlite3-wal", ".sqlite3-shm"}]
    before = {path: path.read_bytes() for path in kept}

    printed = manage(tmp_path, "bootstrap")

    assert printed == ""
    assert {path: path.read_bytes() for path in kept} == before
    assert not list(tmp_path.glob("*.before-*"))


def test_a_database_with_migrations_to_come_is_copied_first(tmp_path: Path) -> None:
    manage(tmp_path, "bootstrap")
    manage(tmp_path, "migrate", "webui", "zero")
    for number in range(COPIES_KEPT + 1):
        (tmp_path / f"hearth.sqlite3.before-20200101-00000{number}-000000").touch()

    printed = manage(tmp_path, "bootstrap")

    copies = sorted(tmp_path.glob("hearth.sqlite3.before-*"))
    assert printed == f"Kept a copy of the database as it was: {copies[-1].name}\n"
    assert len(copies) == COPIES_KEPT
    assert "webui_message" not in tables(copies[-1])
    assert "webui_message" in tables(tmp_path / "hearth.sqlite3")
    assert oct(copies[-1].stat().st_mode & 0o777) == "0o600"
