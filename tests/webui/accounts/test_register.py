import pytest
from django.test import Client
from pytest_django import Settings

from tests.factories import PASSWORD, make_administrator
from tests.webui.accounts.pages import errors, heading, register, soup
from webui.enums import Registration, Role
from webui.models import User
from webui.services.site_settings import change_registration

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "ada\0@example.org"),
        ("email", "no address"),
        ("email", "ada@" + "x" * 300 + ".org"),
        ("email", ""),
        ("email", "ada@exa\u00admple..org"),
        ("display_name", "x" * 10_000),
        ("display_name", "A\0da"),
        ("display_name", "ada\u202egro.elpmaxe"),
        ("display_name", "\u200b\u200b"),
        ("display_name", "   "),
        ("password1", "x" * 10_000),
        ("password1", "lantern\0in the hallway"),
        ("password1", "short"),
        ("password1", "password123"),
        ("password1", "ada@example.org"),
        ("password1", ""),
        ("password2", "something else entirely"),
        ("password2", ""),
    ],
)
def test_register_with_bad_input_makes_no_account(client: Client, field: str, value: str) -> None:
    response = register(client, **({field: value} if field != "password1" else {"password1": value, "password2": value}))

    assert response.status_code == 200
    assert len(errors(response)) >= 1
    assert User.objects.count() == 0
    assert "_auth_user_id" not in client.session


def test_register_without_token_shows_the_friendly_page(strict_client: Client) -> None:
    response = register(strict_client)

    assert response.status_code == 403
    assert heading(response) == "This form has expired"
    assert User.objects.count() == 0


def test_register_rejects_other_methods(client: Client) -> None:
    response = client.delete("/accounts/register/")

    assert response.status_code == 405
    assert User.objects.count() == 0


def test_register_first_account_becomes_the_administrator(client: Client) -> None:
    page = client.get("/accounts/login/", follow=True)
    response = register(client, email="Ada@Example.ORG")

    assert heading(page) == "Welcome to Hearth"
    assert response["Location"] == "/"
    person = User.objects.get()
    assert (person.email, person.display_name) == ("ada@example.org", "Ada")
    assert (person.role, person.is_approved) == (Role.ADMINISTRATOR, True)
    assert person.check_password(PASSWORD)
    assert client.session["_auth_user_id"] == str(person.pk)


def test_register_first_account_even_while_closed(client: Client) -> None:
    change_registration(Registration.CLOSED)

    register(client)

    assert User.objects.get().is_administrator


def test_register_with_approval_leads_to_the_waiting_page(client: Client) -> None:
    make_administrator()

    response = register(client)
    landing = client.get(response["Location"], follow=True)

    person = User.objects.get(email="ada@example.org")
    assert (person.role, person.is_approved) == (Role.MEMBER, False)
    assert heading(landing) == "Nearly there"


def test_register_when_open_lets_in_at_once(client: Client) -> None:
    make_administrator()
    change_registration(Registration.OPEN)

    register(client)

    person = User.objects.get(email="ada@example.org")
    assert (person.role, person.may_enter) == (Role.MEMBER, True)


@pytest.mark.parametrize("method", ["get", "post"])
def test_register_when_closed_says_so(client: Client, method: str) -> None:
    make_administrator()
    change_registration(Registration.CLOSED)

    response = client.get("/accounts/register/") if method == "get" else register(client)

    assert heading(response) == "Registration is closed"
    assert soup(response).select("main form") == []
    assert User.objects.count() == 1


@pytest.mark.parametrize("spelling", ["ada@example.org", "ADA@EXAMPLE.ORG", " Ada@Example.org ", "ada@ｅｘａｍｐｌｅ.org"])
def test_register_refuses_an_address_that_has_an_account(client: Client, spelling: str) -> None:
    make_administrator(email="ada@example.org")

    response = register(client, email=spelling)

    assert errors(response) == ["This address cannot be registered. If it is yours, sign in, or ask the administrator for help."]
    assert User.objects.count() == 1
    assert "_auth_user_id" not in client.session


def test_register_stores_a_look_alike_domain_in_its_ascii_form(client: Client) -> None:
    make_administrator(email="ada@example.org")

    register(client, email="ada@ex\u0430mple.org")

    assert set(User.objects.values_list("email", flat=True)) == {"ada@example.org", "ada@xn--exmple-4nf.org"}


def test_register_keeps_a_name_in_any_script(client: Client) -> None:
    register(client, display_name=" 王小明 👩\u200d🔬 ")

    assert User.objects.get().display_name == "王小明 👩\u200d🔬"


def test_register_cannot_set_role_or_approval(client: Client) -> None:
    make_administrator()

    register(client, role="administrator", is_approved="on", is_active="on", id="00000000-0000-0000-0000-000000000000")

    person = User.objects.get(email="ada@example.org")
    assert (person.role, person.is_approved) == (Role.MEMBER, False)
    assert person.pk.int != 0


@pytest.mark.parametrize("token", ["", "wrong", "the-token-and-more", "tökèn"])
def test_register_first_account_without_the_setup_token_is_refused(client: Client, settings: Settings, token: str) -> None:
    settings.SETUP_TOKEN = "the-token"

    response = register(client, setup_token=token)

    assert len(errors(response)) == 1
    assert User.objects.count() == 0


def test_register_first_account_with_the_setup_token(client: Client, settings: Settings) -> None:
    settings.SETUP_TOKEN = "the-token"

    register(client, setup_token="the-token")

    assert User.objects.get().is_administrator


def test_register_asks_only_the_first_for_the_setup_token(client: Client, settings: Settings) -> None:
    settings.SETUP_TOKEN = "the-token"
    first = soup(client.get("/accounts/register/"))
    make_administrator()
    later = soup(client.get("/accounts/register/"))

    register(client)

    assert len(first.select("input[name=setup_token]")) == 1
    assert later.select("input[name=setup_token]") == []
    assert User.objects.filter(email="ada@example.org").count() == 1


def test_register_page_labels_every_input(client: Client) -> None:
    page = soup(client.get("/accounts/register/"))

    inputs = [tag for tag in page.select("main .card input") if tag["type"] != "hidden"]
    assert [tag["name"] for tag in inputs] == ["display_name", "email", "password1", "password2"]
    assert all(page.select_one(f"label[for={tag['id']}]") for tag in inputs)
    assert [tag["autocomplete"] for tag in inputs] == ["name", "username", "new-password", "new-password"]
