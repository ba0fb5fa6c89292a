from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.factories import make_user
from tests.webui.accounts.pages import sign_in
from webui.enums import Role

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("reset_password", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("email", ["nobody@example.org", "", "no address", "ada\0@example.org", "ada@" + "x" * 100])
def test_reset_password_of_an_unknown_address_fails(email: str) -> None:
    make_user(email="ada@example.org")

    with pytest.raises(CommandError, match="No account has the address"):
        run(email)


def test_reset_password_prints_one_that_signs_in(client: Client) -> None:
    make_user(email="ada@example.org")
    sign_in(client, "ada@example.org")

    out, err = run("ADA@example.org")
    password = out.removeprefix("New password for ada@example.org: ").strip()

    assert (len(password), err) == (23, "")
    assert client.get("/accounts/")["Location"] == "/accounts/login/?next=/accounts/"
    assert sign_in(Client(), "ada@example.org", password)["Location"] == "/"


def test_reset_password_differs_each_time() -> None:
    make_user(email="ada@example.org")

    assert run("ada@example.org") != run("ada@example.org")


def test_reset_password_of_a_disabled_account_says_so() -> None:
    person = make_user(email="ada@example.org", is_active=False)

    _, err = run("ada@example.org")

    person.refresh_from_db()
    assert "disabled" in err
    assert not person.is_active


def test_reset_password_for_an_administrator_brings_one_back() -> None:
    person = make_user(email="ada@example.org", is_active=False, is_approved=False)

    run("ada@example.org", "--administrator")

    person.refresh_from_db()
    assert (person.role, person.may_enter) == (Role.ADMINISTRATOR, True)
