"""A PostgreSQL server of the tests' own: in a temporary directory, on a Unix socket, gone afterwards."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

OWNER = "postgres"


def programs() -> Path | None:
    """Where Debian keeps the newest server's programs; None where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


@contextmanager
def postgres_url(programs: Path) -> Iterator[str]:
    """Runs an empty server and gives the `DATABASE_URL` of its database."""
    directory = Path(tempfile.mkdtemp(prefix="hearth-postgres-"))
    data = directory / "data"
    try:
        if os.getuid() == 0:
            # The server refuses to run as root.
            shutil.chown(directory, OWNER, OWNER)
        _run(programs / "initdb", "--pgdata", data, "--username", OWNER, "--auth", "trust", "--no-sync", "--encoding", "UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{directory}' -c fsync=off"
        _run(programs / "pg_ctl", "start", "--wait", "--pgdata", data, "--log", directory / "log", "--options", options)
        try:
            yield f"postgres://{OWNER}@{quote(str(directory), safe='')}/{OWNER}"
        finally:
            _run(programs / "pg_ctl", "stop", "--wait", "--mode", "immediate", "--pgdata", data)
    finally:
        shutil.rmtree(directory)


def _run(*command: str | Path) -> None:
    as_owner = ["runuser", "-u", OWNER, "--"] if os.getuid() == 0 else []
    # The server inherits what pg_ctl writes to: a pipe would stay open as long as it runs.
    subprocess.run([*as_owner, *map(str, command)], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd="/")
