import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.postgres import postgres_url, programs
from tests.webui.accounts.pages import errors
from tests.webui.accounts.simultaneous import register_at_once
from webui.enums import Role
from webui.models import User


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("collected_static")
def test_simultaneous_first_registrations_make_one_administrator() -> None:
    answers = register_at_once(6)

    assert "memory" not in str(connection.settings_dict["NAME"])
    assert [answer["Location"] for answer in answers] == ["/"] * 6
    assert User.objects.filter(role=Role.ADMINISTRATOR, is_approved=True).count() == 1
    assert User.objects.filter(role=Role.MEMBER, is_approved=False).count() == 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("collected_static")
def test_simultaneous_registrations_of_one_address_make_one_account() -> None:
    answers = register_at_once(4, same_address=True)

    assert User.objects.count() == 1
    assert sorted(len(errors(answer)) for answer in answers) == [0, 1, 1, 1]


@pytest.mark.services
@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
def test_simultaneous_first_registrations_make_one_administrator_on_postgresql(tmp_path: Path) -> None:
    server = programs()
    assert server is not None
    with postgres_url(server) as url:
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "HEARTH_DATA": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "webui.settings",
        }
        run = subprocess.run(
            [sys.executable, "-m", "tests.webui.accounts.simultaneous"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {
        "vendor": "postgresql",
        "people": [["administrator", True]] + [["member", False]] * 5,
    }
