"""What the database decides — branches, locks, pages of the sidebar — holds on PostgreSQL as it does on SQLite.

The tests themselves are those of the services, the views and the first administrator, run once more against a server.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import postgres_url, programs

ROOT = Path(__file__).parent.parent.parent
PARTS = ("tests/webui/services", "tests/webui/views", "tests/webui/people")


@pytest.mark.services
def test_services_and_views_hold_on_postgresql() -> None:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL's server programs are not installed: Debian's package is `postgresql`")
    with postgres_url(found) as url:
        run = subprocess.run(
            # The server goes with its databases; dropping one first would trip over threads that keep their connection.
            [sys.executable, "-m", "pytest", "-q", "--reuse-db", "-m", "not services", *PARTS],
            cwd=ROOT,
            env={**os.environ, "TEST_DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
