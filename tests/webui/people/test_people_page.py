from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests.factories import make_conversation, make_user
from webui.enums import Registration
from webui.models import SiteSettings, User
from webui.views.people import PAGE_SIZE

pytestmark = pytest.mark.django_db
Queries = Callable[[int], Any]


def rows(client: Client, path: str = "/people/") -> list[str]:
    page = BeautifulSoup(client.get(path).content, "html.parser")
    return [row.get_text(" ", strip=True) for row in page.select("table.list tbody tr")]


def buttons(client: Client, person: User) -> list[str]:
    page = BeautifulSoup(client.get("/people/").content, "html.parser")
    row = next(row for row in page.select("tbody tr") if person.email in row.get_text())
    for hidden in row.select(".visually-hidden"):
        hidden.decompose()
    return [tag.get_text(strip=True) for tag in row.select("button, a.button")]


def test_people_of_a_member_is_not_there(client: Client) -> None:
    client.force_login(make_user())

    response = client.get("/people/")

    assert response.status_code == 404
    assert b"There is nothing here" in response.content


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?page=99999999999999999999", "?query=%00", "?query=" + "x" * 10_000])
def test_people_with_a_bad_query_shows_the_list(client: Client, administrator: User, query: str) -> None:
    assert len(rows(client, f"/people/{query}")) == 1


def test_people_rejects_post(client: Client, administrator: User) -> None:
    assert client.post("/people/").status_code == 405
    assert User.objects.count() == 1


def test_people_lists_the_waiting_first(client: Client, administrator: User) -> None:
    make_user(display_name="Grace", is_active=False)
    make_user(display_name="Mary", email="mary@example.org", is_approved=False)

    shown = rows(client)

    assert [row.split()[0] for row in shown] == ["Mary", "Ada", "Grace"]
    assert "mary@example.org" in shown[0]
    assert "Waiting" in shown[0]
    assert "You" in shown[1]
    assert "Administrator" in shown[1]
    assert "Disabled" in shown[2]
    assert "Never" in shown[2]


def test_people_offers_what_fits_each_person(client: Client, administrator: User) -> None:
    waiting, member = make_user(is_approved=False), make_user()
    disabled = make_user(is_active=False)

    assert buttons(client, waiting) == ["Approve", "Decline"]
    assert buttons(client, member) == ["Make administrator", "Disable", "Reset password", "Delete"]
    assert buttons(client, disabled) == ["Enable", "Reset password", "Delete"]
    assert buttons(client, administrator) == ["Remove as administrator"]


def test_people_escapes_names(client: Client, administrator: User) -> None:
    person = make_user(display_name="<img src=x>")

    pages = [client.get(path).content for path in ("/people/", f"/people/{person.pk}/delete/", f"/people/{person.pk}/reset/")]

    assert [b"<img src=x>" in page for page in pages] == [False] * 3
    assert [b"&lt;img src=x&gt;" in page for page in pages] == [True] * 3


@pytest.mark.parametrize("query", ["GRACE", "hopper@"])
def test_people_are_found_by_name_and_address(client: Client, administrator: User, query: str) -> None:
    make_user(display_name="Grace", email="hopper@example.org")
    make_user(display_name="Mary")

    assert [row.split()[0] for row in rows(client, f"/people/?query={query}")] == ["Grace"]


def test_people_says_when_nobody_is_found(client: Client, administrator: User) -> None:
    assert b"Nobody was found" in client.get("/people/?query=zzz").content


def test_people_come_in_pages(client: Client, administrator: User) -> None:
    for _ in range(PAGE_SIZE):
        make_user()

    first, second = rows(client), rows(client, "/people/?page=2")

    assert (len(first), len(second)) == (PAGE_SIZE, 1)
    assert not set(first) & set(second)


@pytest.mark.parametrize("item_count", [1, 3])
def test_people_takes_the_same_queries_for_any_number(
    client: Client, administrator: User, django_assert_num_queries: Queries, item_count: int
) -> None:
    for _ in range(item_count):
        make_conversation(user=make_user(), messages=2)
        make_user(is_approved=False)

    # Session, user, count, page of people, site settings.
    SiteSettings.load()
    with django_assert_num_queries(5):
        assert len(rows(client)) == 2 * item_count + 1


@pytest.mark.parametrize("registration", list(Registration))
def test_registration_setting_is_saved_and_shown(client: Client, administrator: User, registration: Registration) -> None:
    response = client.post("/people/registration/", {"registration": registration})
    page = BeautifulSoup(client.get("/people/").content, "html.parser")

    assert response["Location"] == "/people/"
    assert SiteSettings.load().registration == registration
    assert [radio["value"] for radio in page.select("input[name=registration][checked]")] == [registration]


@pytest.mark.parametrize("value", ["", "anyone", "open\0"])
def test_registration_setting_that_does_not_exist_is_refused(client: Client, administrator: User, value: str) -> None:
    response = client.post("/people/registration/", {"registration": value})

    assert (response.status_code, response.content) == (400, b"This is not a way to register.")
    assert SiteSettings.load().registration == Registration.APPROVAL
