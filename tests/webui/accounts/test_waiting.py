import pytest
from django.test import Client

from tests.factories import make_user
from tests.webui.accounts.pages import heading, soup
from webui.models import User

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def waiting_person(client: Client) -> User:
    person = make_user(is_approved=False)
    client.force_login(person)
    return person


@pytest.mark.usefixtures("waiting_person")
@pytest.mark.parametrize("path", ["/", "/accounts/", "/accounts/password/", "/people/"])
def test_waiting_person_is_sent_to_the_waiting_page(client: Client, path: str) -> None:
    response = client.get(path)
    fragment = client.get(path, headers=HTMX)

    assert response["Location"] == "/accounts/waiting/"
    assert (fragment["HX-Redirect"], fragment.content) == ("/accounts/waiting/", b"")


def test_waiting_page_names_the_account_and_offers_to_sign_out(client: Client, waiting_person: User) -> None:
    response = client.get("/accounts/waiting/")

    page = soup(response)
    assert heading(response) == "Nearly there"
    assert waiting_person.email in page.get_text()
    assert [form["action"] for form in page.select("main form")] == ["/accounts/logout/"]
    assert page.select_one("[hx-get]")["hx-get"] == "/accounts/waiting/"


@pytest.mark.usefixtures("waiting_person")
def test_waiting_page_asked_again_by_htmx_changes_nothing(client: Client) -> None:
    response = client.get("/accounts/waiting/", headers=HTMX)

    assert (response.status_code, response.content) == (204, b"")


def test_waiting_page_moves_on_when_approved(client: Client, waiting_person: User) -> None:
    User.objects.filter(pk=waiting_person.pk).update(is_approved=True)

    page = client.get("/accounts/waiting/")
    fragment = client.get("/accounts/waiting/", headers=HTMX)

    assert page["Location"] == "/"
    assert fragment["HX-Redirect"] == "/"


def test_waiting_page_after_a_decline_leads_to_sign_in(client: Client, waiting_person: User) -> None:
    waiting_person.delete()

    fragment = client.get("/accounts/waiting/", headers=HTMX)

    assert fragment["HX-Redirect"] == "/accounts/login/"


@pytest.mark.usefixtures("waiting_person")
def test_waiting_person_can_sign_out(client: Client) -> None:
    response = client.post("/accounts/logout/")

    assert response["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session


def test_waiting_page_of_a_stranger_asks_to_sign_in(client: Client) -> None:
    assert client.get("/accounts/waiting/")["Location"] == "/accounts/login/?next=/accounts/waiting/"


def test_form_posted_by_a_stranger_is_not_come_back_to(client: Client) -> None:
    assert client.post("/accounts/password/")["Location"] == "/accounts/login/"
