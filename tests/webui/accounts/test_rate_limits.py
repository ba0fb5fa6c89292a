from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import make_administrator, make_user
from tests.webui.accounts.pages import errors, heading, register, sign_in
from webui.models import User

pytestmark = pytest.mark.django_db

TOO_MANY = ["Too many attempts to sign in. Wait five minutes and try again."]
WRONG = ["The e-mail address or the password is not right."]


def guess(client: Client, email: str, times: int, **varying: Any) -> list[list[str]]:
    """The errors shown after each wrong password. `varying` holds functions of the attempt's number."""
    return [
        errors(sign_in(client, email, f"guess {number}", **{name: make(number) for name, make in varying.items()}))
        for number in range(times)
    ]


def address(number: int) -> str:
    return f"198.51.{number // 250}.{number % 250 + 1}"


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
def test_sign_in_stops_after_five_failures_for_one_account_from_anywhere(client: Client, email: str) -> None:
    make_user(email="ada@example.org")

    shown = guess(client, email, 6, REMOTE_ADDR=address)
    right_password = sign_in(client, email, REMOTE_ADDR="203.0.113.9")

    assert shown == [WRONG] * 5 + [TOO_MANY]
    assert errors(right_password) == TOO_MANY


def test_sign_in_limit_is_not_escaped_by_another_host_name(client: Client) -> None:
    make_user(email="ada@example.org")

    shown = guess(client, "ada@example.org", 6, REMOTE_ADDR=address, HTTP_HOST=lambda number: f"host{number}.example")

    assert shown[5] == TOO_MANY


def test_sign_in_limit_is_not_escaped_by_another_spelling(client: Client) -> None:
    make_user(email="ada@example.org")
    spellings = ["ada@example.org", "ADA@example.org", "Ada@Example.Org", " ada@example.org", "ada@ｅxample.org"]
    for spelling in spellings:
        guess(client, spelling, 1)

    assert guess(client, "ada@example.org", 1) == [TOO_MANY]


def test_sign_in_stops_after_twenty_failures_from_one_address(client: Client) -> None:
    shown = [guess(client, f"person{number}@example.org", 1)[0] for number in range(21)]

    assert shown == [WRONG] * 20 + [TOO_MANY]


def test_sign_in_limit_by_address_ignores_forwarded_headers(client: Client) -> None:
    shown = [
        errors(sign_in(client, f"person{number}@example.org", "wrong", headers={"x-forwarded-for": address(number)}))
        for number in range(21)
    ]

    assert shown[20] == TOO_MANY


def test_sign_in_limit_behind_a_proxy_counts_the_visitor(client: Client, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    def forwarded(number: int) -> str:
        return f"{address(number)}, 203.0.113.5"

    shown = [
        errors(sign_in(client, f"person{number}@example.org", "wrong", headers={"x-forwarded-for": forwarded(number)}))
        for number in range(21)
    ]
    neighbour = errors(sign_in(client, "person0@example.org", "wrong", headers={"x-forwarded-for": "203.0.113.6"}))

    assert shown[20] == TOO_MANY
    assert neighbour == WRONG


def test_sign_in_with_fewer_hops_than_promised_still_answers(client: Client, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    response = sign_in(client, "person@example.org", "wrong", headers={"x-forwarded-for": "203.0.113.5"})

    assert errors(response) == WRONG


def test_sign_in_without_a_peer_address_still_answers(client: Client) -> None:
    assert errors(sign_in(client, "person@example.org", "wrong", REMOTE_ADDR="")) == WRONG


def test_successful_sign_ins_do_not_lock_a_class_out(client: Client) -> None:
    people = [make_user() for _ in range(30)]

    landed = [sign_in(Client(), person.email).get("Location") for person in people]

    assert landed == ["/"] * 30


def test_sign_in_flood_gets_the_friendly_page(client: Client) -> None:
    for _ in range(60):
        client.post("/accounts/login/")

    response = client.post("/accounts/login/")

    assert (response.status_code, heading(response), response["Retry-After"]) == (429, "Too many attempts", "60")


def test_registration_flood_gets_the_friendly_page(client: Client) -> None:
    make_administrator()
    for number in range(20):
        register(client, email=f"person{number}@example.org", password2="not the same")

    response = register(client)

    assert (response.status_code, heading(response)) == (429, "Too many attempts")
    assert User.objects.count() == 1
