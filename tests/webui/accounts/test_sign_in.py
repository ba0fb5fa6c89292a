from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import PASSWORD, make_administrator, make_user
from tests.passwords import QuickArgon2
from tests.webui.accounts.pages import errors, heading, sign_in, soup

pytestmark = pytest.mark.django_db

WRONG = ["The e-mail address or the password is not right."]


class CountingHasher(QuickArgon2):
    """The real one, counting how often it does its slow work."""

    runs = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        CountingHasher.runs += 1
        return super().encode(*args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> bool:
        CountingHasher.runs += 1
        return super().verify(*args, **kwargs)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada\0@example.org", PASSWORD),
        ("", PASSWORD),
        ("a" * 10_000 + "@example.org", PASSWORD),
        ("ada@example.org", ""),
        ("ada@example.org", "x" * 10_000),
        ("ada@example.org", PASSWORD + "\0"),
        ("ada@example.org", PASSWORD + " "),
        ("ada@example.org", PASSWORD.upper()),
        ("ada@ex\u0430mple.org", PASSWORD),
        ("nobody@example.org", PASSWORD),
    ],
)
def test_sign_in_with_bad_input_is_refused(client: Client, email: str, password: str) -> None:
    make_user(email="ada@example.org")

    response = sign_in(client, email, password)

    assert response.status_code == 200
    assert len(errors(response)) == 1
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("spelling", ["ada@example.org", "ADA@Example.Org", " ada@example.org", "ada@ｅｘａｍｐｌｅ.org"])
def test_sign_in_with_any_spelling_of_the_address(client: Client, spelling: str) -> None:
    person = make_user(email="ada@example.org")

    response = sign_in(client, spelling)

    assert response["Location"] == "/"
    assert client.session["_auth_user_id"] == str(person.pk)


def test_sign_in_answers_alike_for_unknown_address_and_wrong_password(client: Client, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    make_user(email="ada@example.org")
    make_user(email="disabled@example.org", is_active=False)
    runs, answers = [], []
    for email in ("ada@example.org", "nobody@example.org", "disabled@example.org"):
        before = CountingHasher.runs
        response = sign_in(client, email, "not the password")
        runs.append(CountingHasher.runs - before)
        answers.append((response.status_code, errors(response), soup(response).select_one("main h1")))

    assert runs == [1, 1, 1]
    assert answers[0][1] == WRONG
    assert answers == [answers[0]] * 3


def test_sign_in_rotates_the_session(client: Client) -> None:
    make_user(email="ada@example.org")
    session = client.session
    session["from before"] = "planted"
    session.save()
    client.cookies["hearth_session"] = session.session_key

    sign_in(client, "ada@example.org")

    assert client.cookies["hearth_session"].value != session.session_key
    assert not type(session)().exists(session.session_key)


def test_sign_in_cookie_is_out_of_reach_of_scripts(client: Client) -> None:
    make_user(email="ada@example.org")

    response = sign_in(client, "ada@example.org")

    cookie = response.cookies["hearth_session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == 60 * 60 * 24 * 30


def test_sign_in_of_a_disabled_person_says_why(client: Client) -> None:
    make_user(email="ada@example.org", is_active=False)

    response = sign_in(client, "ada@example.org")
    landing = client.get(response["Location"])

    assert response["Location"] == "/accounts/login/"
    assert errors(landing) == ["Your account has been disabled. Ask the administrator if you think this is a mistake."]
    assert "_auth_user_id" not in client.session


def test_sign_in_returns_to_the_page_that_was_asked_for(client: Client) -> None:
    make_user(email="ada@example.org")

    asked = client.get("/accounts/password/")
    page = soup(client.get(asked["Location"]))
    target = page.select_one("main input[name=next]")
    assert target is not None
    response = client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD, "next": target["value"]})

    assert asked["Location"] == "/accounts/login/?next=/accounts/password/"
    assert response["Location"] == "/accounts/password/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil.example", "/\\evil"]
)
def test_sign_in_never_leads_to_another_site(client: Client, target: str) -> None:
    make_user(email="ada@example.org")

    response = client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD, "next": target})

    assert response["Location"] == "/"


def test_sign_in_page_tells_what_to_do_about_a_lost_password(client: Client) -> None:
    make_administrator()

    page = soup(client.get("/accounts/login/"))

    assert "Forgot your password? Ask the administrator" in page.get_text()
    assert [link["href"] for link in page.select("main a")] == ["/accounts/register/"]


def test_sign_in_without_token_shows_the_friendly_page(strict_client: Client) -> None:
    make_user(email="ada@example.org")

    response = sign_in(strict_client, "ada@example.org")

    assert response.status_code == 403
    assert heading(response) == "This form has expired"


@pytest.mark.parametrize("headers", [{"accept": "application/json"}, {"x-requested-with": "XMLHttpRequest"}])
def test_sign_in_has_no_json_door(client: Client, headers: dict[str, str]) -> None:
    make_user(email="ada@example.org")

    response = sign_in(client, "ada@example.org", "wrong", headers=headers)

    assert response["Content-Type"].startswith("text/html")
    assert errors(response) == WRONG


def test_sign_out_ends_the_session(client: Client) -> None:
    make_user(email="ada@example.org")
    sign_in(client, "ada@example.org")
    session = client.session

    question = client.get("/accounts/logout/")
    still = client.session.get("_auth_user_id")
    response = client.post("/accounts/logout/")

    assert heading(question) == "Sign out?"
    assert still is not None
    assert response["Location"] == "/accounts/login/"
    assert not session.exists(session.session_key)
    assert client.get("/accounts/")["Location"].startswith("/accounts/login/")
