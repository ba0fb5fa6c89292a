"""What the tests of the account pages share."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["tests.passwords.QuickArgon2"]


@pytest.fixture(autouse=True)
def _no_attempts_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def strict_client(collected_static: None) -> Client:
    """A browser whose forms need their token."""
    return Client(enforce_csrf_checks=True)
