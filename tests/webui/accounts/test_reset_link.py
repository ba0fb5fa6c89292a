from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.test import Client

from tests.factories import PASSWORD, make_administrator, make_user
from tests.webui.accounts.pages import errors, heading, sign_in, soup
from webui.models import User
from webui.services.passwords import make_reset_token

pytestmark = pytest.mark.django_db
NEW = "a kettle on the stove"
EXPIRED = "This link no longer works"


@pytest.fixture
def person() -> User:
    return make_user(email="ada@example.org")


def link_for(person: User, token: str | None = None) -> str:
    return f"/accounts/reset/{person.pk}/{token or make_reset_token(person)}/"


def choose(client: Client, link: str, password: str = NEW, again: str | None = None) -> Any:
    return client.post(link, {"password1": password, "password2": password if again is None else again})


@pytest.mark.parametrize("token", ["x", "-", "abc-def", "zzzzzzzzzzzzzzzzzz-0123456789abcdef", "0" * 2000])
@pytest.mark.parametrize("method", ["get", "post"])
def test_reset_with_a_wrong_token_changes_nothing(client: Client, person: User, token: str, method: str) -> None:
    link = link_for(person, token)

    response = client.get(link) if method == "get" else choose(client, link)

    assert (response.status_code, heading(response)) == (404, EXPIRED)
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_reset_of_an_unknown_account_answers_as_a_wrong_token(client: Client, person: User) -> None:
    unknown = client.get("/accounts/reset/00000000-0000-7000-8000-000000000000/abc-def/")
    wrong = client.get(link_for(person, "abc-def"))

    assert (unknown.status_code, heading(unknown)) == (wrong.status_code, heading(wrong)) == (404, EXPIRED)


def test_reset_token_of_somebody_else_is_wrong(client: Client, person: User) -> None:
    response = choose(client, link_for(make_administrator(), make_reset_token(person)))

    assert heading(response) == EXPIRED


def test_reset_sets_the_password_once(client: Client, person: User) -> None:
    link = link_for(person)

    page = client.get(link)
    first = choose(client, link)
    second = choose(client, link, "another one altogether")

    assert heading(page) == "Set a new password"
    assert first["Location"] == "/accounts/login/"
    assert heading(second) == EXPIRED
    person.refresh_from_db()
    assert person.check_password(NEW)


def test_reset_ends_every_session(client: Client, person: User) -> None:
    sign_in(client, "ada@example.org")
    person.refresh_from_db()

    choose(Client(), link_for(person))

    assert client.get("/accounts/")["Location"] == "/accounts/login/?next=/accounts/"


def test_reset_link_ends_with_the_next_sign_in(client: Client, person: User) -> None:
    link = link_for(person)

    sign_in(client, "ada@example.org")

    assert heading(client.get(link)) == EXPIRED


def test_reset_link_ends_after_a_day(client: Client, person: User) -> None:
    class Yesterday(PasswordResetTokenGenerator):
        def _now(self) -> datetime:
            return datetime.now() - timedelta(hours=24, seconds=5)  # noqa: DTZ005

    assert heading(client.get(link_for(person, Yesterday().make_token(person)))) == EXPIRED


@pytest.mark.parametrize(("password", "again"), [("short", None), (NEW, "different"), ("", None), ("k\0ettle on stove", None)])
def test_reset_with_bad_input_leaves_the_link_good(client: Client, person: User, password: str, again: str | None) -> None:
    link = link_for(person)

    response = choose(client, link, password, again)

    assert (response.status_code, len(errors(response)) >= 1) == (422, True)
    assert heading(client.get(link)) == "Set a new password"


def test_reset_link_is_made_by_an_administrator_and_shown_once(client: Client, person: User) -> None:
    client.force_login(make_administrator())
    path = f"/people/{person.pk}/reset/"

    question, answer = client.get(path), client.post(path)

    shown = soup(answer).select_one("input#link")
    assert shown is not None
    assert soup(question).select_one("input#link") is None
    assert shown["value"].startswith(f"http://testserver/accounts/reset/{person.pk}/")
    assert "no-store" in answer["Cache-Control"]
    assert choose(Client(), shown["value"].removeprefix("http://testserver"))["Location"] == "/accounts/login/"
