"""Fixtures every test may use. Narrower ones stand in the conftest nearest to their tests."""

from io import StringIO

import pytest
from hypothesis import HealthCheck, settings

# How fast examples come depends on who else uses the machine, so nothing is said of it.
settings.register_profile("hearth", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hearth")


@pytest.fixture(scope="session")
def collected_static() -> None:
    """Templates name static files by hash: collect them once."""
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0, stdout=StringIO())


@pytest.fixture(autouse=True)
def _static_for_pages(request: pytest.FixtureRequest) -> None:
    if {"client", "db", "transactional_db", "live_server"} & set(request.fixturenames):
        request.getfixturevalue("collected_static")
