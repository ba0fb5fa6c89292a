"""Each hash takes 100 MiB: signing in is open to strangers, so the site bounds how many are computed at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import argon2
import pytest
from django.contrib.auth.hashers import check_password, make_password
from pytest_django import Settings

from webui import settings as production

PEOPLE = 8


class Crowd:
    """Passes calls on, and counts how many were inside at the same time."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.inside = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            return self.inner(*args, **kwargs)
        finally:
            with self._lock:
                self.inside -= 1


@pytest.fixture(autouse=True)
def real_hashers(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS


def test_hashes_are_computed_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = make_password("correct horse")
    crowd = Crowd(argon2.low_level.verify_secret)
    monkeypatch.setattr("argon2._password_hasher.verify_secret", crowd)

    with ThreadPoolExecutor(PEOPLE) as people:
        answers = list(people.map(lambda _: check_password("correct horse", encoded), range(PEOPLE)))

    assert answers == [True] * PEOPLE
    assert crowd.most == 2


def test_hashes_made_before_still_fit() -> None:
    encoded = make_password("correct horse")

    assert encoded.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
    assert not check_password("wrong horse", encoded)
