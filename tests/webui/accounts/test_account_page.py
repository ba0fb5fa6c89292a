import pytest
from django.test import Client

from tests.factories import make_user
from tests.webui.accounts.pages import errors, heading, soup
from webui.enums import Role
from webui.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client: Client) -> User:
    person = make_user(display_name="Ada")
    client.force_login(person)
    return person


@pytest.mark.parametrize("name", ["", "   ", "x" * 10_000, "A\0da", "A\nda", "Ada\u2066"])
def test_account_refuses_a_bad_name(client: Client, person: User, name: str) -> None:
    response = client.post("/accounts/", {"display_name": name})

    assert (response.status_code, len(errors(response))) == (422, 1)
    person.refresh_from_db()
    assert person.display_name == "Ada"


def test_account_changes_the_name_and_nothing_else(client: Client, person: User) -> None:
    response = client.post("/accounts/", {"display_name": "Countess", "role": "administrator", "email": "x@example.org"})

    assert response["Location"] == "/accounts/"
    stored = User.objects.get()
    assert (stored.display_name, stored.role, stored.email) == ("Countess", Role.MEMBER, person.email)


def test_account_escapes_the_name(client: Client, person: User) -> None:
    client.post("/accounts/", {"display_name": "<script>alert(1)</script>"})

    page = client.get("/accounts/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_account_shows_what_is_chosen(client: Client, person: User) -> None:
    client.cookies["hearth_theme"] = "dark"
    client.cookies["hearth_language"] = "zh-hans"

    page = soup(client.get("/accounts/"))

    assert page.select_one("input[name=display_name]")["value"] == "Ada"
    assert [option["value"] for option in page.select("option[selected]")] == ["zh-hans", "dark"]
    assert person.email in page.get_text()


def test_account_rejects_other_methods(client: Client, person: User) -> None:
    assert client.delete("/accounts/").status_code == 405
    assert User.objects.filter(pk=person.pk).exists()


def test_account_page_is_the_same_for_administrators_with_a_link_to_people(client: Client) -> None:
    client.force_login(make_user(role=Role.ADMINISTRATOR))

    response = client.get("/accounts/")

    assert heading(response) == "Your account"
    assert "/people/" in [link["href"] for link in soup(response).select("main a")]
