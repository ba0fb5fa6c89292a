"""What has to be there before the site starts; `manage.py` has written the secret key by then. Each step may run again."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, OutputWrapper
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from webui.supervisor.stamp import write_stamp

COPIES_KEPT = 3


class Command(BaseCommand):
    help = "Prepare the data directory: bring the database up to date and collect static files."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if copy := copy_database_before_migrating():
            self.stdout.write(f"Kept a copy of the database as it was: {copy.name}")
        migrate(self.stdout)
        if not is_write_ahead():
            self.stderr.write(
                "WARNING: The database cannot use SQLite's write-ahead log here, so people will wait for each other. "
                "Put HEARTH_DATA on a local disk."
            )
        collect_static()
        write_stamp()


def copy_database_before_migrating() -> Path | None:
    """Copy an SQLite database that has migrations to come, beside it; the three newest copies are kept.

    None when there is nothing to lose: no database yet, nothing to migrate, or PostgreSQL, which has its own backups.
    """
    path = _sqlite_path()
    if path is None or not path.exists():
        return None
    executor = MigrationExecutor(connection)
    if not executor.loader.applied_migrations or not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return None
    copy = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
    for older in sorted(path.parent.glob(f"{path.name}.before-*"))[:-COPIES_KEPT]:
        older.unlink()
    return copy


def migrate(stdout: OutputWrapper) -> None:
    call_command("migrate", interactive=False, verbosity=0, stdout=stdout)


def is_write_ahead() -> bool:
    """Whether SQLite keeps a write-ahead log, as the settings ask; some network file systems cannot. True for PostgreSQL."""
    if connection.vendor != "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        return bool(cursor.fetchone()[0] in {"wal", "memory"})


def collect_static() -> None:
    """Hash, compress and copy the static files into the data directory; unchanged ones are left alone."""
    call_command("collectstatic", interactive=False, verbosity=0)


def _sqlite_path() -> Path | None:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)
