from typing import Any

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_user
from tests.webui.accounts.pages import errors, heading, sign_in
from webui.adapter import AccountAdapter
from webui.models import User

pytestmark = pytest.mark.django_db
NEW = "a kettle on the stove"


@pytest.fixture
def person(client: Client) -> User:
    person = make_user(email="ada@example.org")
    sign_in(client, "ada@example.org")
    return person


def change(client: Client, **answers: str) -> Any:
    return client.post("/accounts/password/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW, **answers})


@pytest.mark.parametrize(
    "answers",
    [
        {"oldpassword": "wrong"},
        {"oldpassword": ""},
        {"oldpassword": "x" * 10_000},
        {"password2": "something else"},
        {"password1": "12345678", "password2": "12345678"},
        {"password1": "ada@example.org", "password2": "ada@example.org"},
        {"password1": "x" * 10_000, "password2": "x" * 10_000},
        {"password1": "kettle\0kettle", "password2": "kettle\0kettle"},
    ],
)
def test_password_change_with_bad_input_keeps_the_old_one(client: Client, person: User, answers: dict[str, str]) -> None:
    response = change(client, **answers)

    assert len(errors(response)) >= 1
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_password_change_ends_other_sessions_and_keeps_this_one(client: Client, person: User) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "ada@example.org")

    response = change(client)
    here, there = client.get("/accounts/"), elsewhere.get("/accounts/")

    assert response["Location"] == "/accounts/"
    person.refresh_from_db()
    assert person.check_password(NEW)
    assert heading(here) == "Your account"
    assert "Your password has been changed. Other browsers have been signed out." in here.content.decode()
    assert there["Location"] == "/accounts/login/?next=/accounts/"


def test_password_change_writes_nothing_but_the_password(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False, display_name="Renamed meanwhile")

    AccountAdapter().set_password(person, NEW)

    stored = User.objects.get()
    assert (stored.is_active, stored.display_name, stored.check_password(NEW)) == (False, "Renamed meanwhile", True)


def test_password_change_guesses_are_limited(client: Client, person: User) -> None:
    answers = [change(client, oldpassword=f"guess {number}") for number in range(6)]
    refused = change(client)

    assert [response.status_code for response in answers] == [200] * 5 + [429]
    assert (refused.status_code, heading(refused)) == (429, "Too many attempts")
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_password_page_without_a_password_names_the_way_out(client: Client) -> None:
    person = make_user()
    person.set_unusable_password()
    person.save()
    client.force_login(person)

    response = client.get("/accounts/password/")

    assert response["Location"] == "/accounts/"
    assert "Ask the administrator for a link" in client.get("/accounts/").content.decode()
