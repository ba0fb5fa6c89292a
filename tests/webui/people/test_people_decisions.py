from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests.factories import make_administrator, make_conversation, make_user
from webui.enums import Role
from webui.models import Conversation, Message, User

pytestmark = pytest.mark.django_db
ACTIONS = ["approve", "decline", "role", "disable", "enable", "reset", "delete"]


def post(client: Client, person: User, action: str, **answers: str) -> Any:
    return client.post(f"/people/{person.pk}/{action}/", answers, follow=True)


@contextmanager
def unchanged(person: User) -> Iterator[None]:
    fields = ("email", "display_name", "role", "is_active", "is_approved", "password")
    before = User.objects.filter(pk=person.pk).values(*fields).get()
    yield
    assert User.objects.filter(pk=person.pk).values(*fields).get() == before


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_decision_of_a_member_is_not_there(client: Client, action: str, method: str) -> None:
    person = make_user(is_approved=False)
    client.force_login(make_user())

    with unchanged(person):
        response = getattr(client, method)(f"/people/{person.pk}/{action}/", {"role": "administrator"})

    assert response.status_code in {404, 405} if method == "get" else response.status_code == 404


@pytest.mark.parametrize("action", ACTIONS)
def test_decision_about_nobody_is_not_there(client: Client, administrator: User, action: str) -> None:
    response = client.post(f"/people/{uuid4()}/{action}/", {"role": "member"})

    assert response.status_code == 404
    assert User.objects.count() == 1


@pytest.mark.parametrize("action", ["approve", "role", "disable", "enable"])
def test_decision_is_not_made_by_a_link(client: Client, administrator: User, action: str) -> None:
    person = make_user(is_approved=False)

    with unchanged(person):
        assert client.get(f"/people/{person.pk}/{action}/").status_code == 405


@pytest.mark.parametrize("action", ["decline", "delete"])
def test_deleting_asks_first(client: Client, administrator: User, action: str) -> None:
    person = make_user(is_approved=action == "delete")

    with unchanged(person):
        response = client.get(f"/people/{person.pk}/{action}/")

    assert f'action="/people/{person.pk}/{action}/"' in response.content.decode()


@pytest.mark.parametrize("action", ACTIONS)
def test_decision_needs_its_token(collected_static: None, action: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_administrator())
    person = make_user(is_approved=False)

    with unchanged(person):
        assert strict.post(f"/people/{person.pk}/{action}/", {"role": "administrator"}).status_code == 403


def test_approve_lets_the_person_in(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace", is_approved=False)

    response = post(client, person, "approve")

    person.refresh_from_db()
    assert person.may_enter
    assert "Grace has been let in." in response.content.decode()


def test_decline_deletes_the_account(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace", is_approved=False)

    response = post(client, person, "decline")

    assert list(User.objects.all()) == [administrator]
    assert "Grace has been declined and the account deleted." in response.content.decode()


def test_decline_of_somebody_already_let_in_is_refused(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace")

    with unchanged(person):
        response = post(client, person, "decline")

    assert "Grace has already been let in." in response.content.decode()


def test_role_is_given_and_taken(client: Client, administrator: User) -> None:
    person = make_user()

    post(client, person, "role", role="administrator")
    given = User.objects.get(pk=person.pk).role
    post(client, person, "role", role="member")

    assert (given, User.objects.get(pk=person.pk).role) == (Role.ADMINISTRATOR, Role.MEMBER)


@pytest.mark.parametrize("role", ["", "owner", "administrator\0"])
def test_role_that_does_not_exist_is_refused(client: Client, administrator: User, role: str) -> None:
    person = make_user()

    with unchanged(person):
        response = post(client, person, "role", role=role)

    assert (response.status_code, response.content) == (400, b"There is no such role.")


@pytest.mark.parametrize("state", [{"is_approved": False}, {"is_active": False}])
def test_role_of_somebody_outside_is_not_raised(client: Client, administrator: User, state: dict[str, bool]) -> None:
    person = make_user(**state)

    with unchanged(person):
        response = post(client, person, "role", role="administrator")

    assert "cannot be administrator before being let in." in response.content.decode()


@pytest.mark.parametrize("others", [{}, {"is_active": False}, {"is_approved": False}])
def test_last_administrator_stays_one(client: Client, administrator: User, others: dict[str, bool]) -> None:
    if others:
        make_administrator(**others)

    with unchanged(administrator):
        response = post(client, administrator, "role", role="member")

    assert "Ada is the only administrator. Make somebody else administrator first." in response.content.decode()


def test_administrator_may_step_down_when_another_remains(client: Client, administrator: User) -> None:
    make_administrator()

    response = post(client, administrator, "role", role="member")

    administrator.refresh_from_db()
    assert administrator.role == Role.MEMBER
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("action", "sentence"), [("delete", "You cannot delete your own account."), ("disable", "You cannot shut yourself out.")]
)
def test_administrator_cannot_remove_themselves(client: Client, administrator: User, action: str, sentence: str) -> None:
    make_administrator()

    with unchanged(administrator):
        response = post(client, administrator, action)

    assert sentence in response.content.decode()


def test_disable_signs_the_person_out_everywhere_for_good(client: Client, administrator: User) -> None:
    person = make_user()
    phone, laptop = Client(), Client()
    phone.force_login(person)
    laptop.force_login(person)

    post(client, person, "disable")
    locations = [elsewhere.get("/accounts/")["Location"] for elsewhere in (phone, laptop)]
    sessions = Session.objects.count()
    post(client, person, "enable")
    enabled_again = phone.get("/accounts/")

    assert locations == ["/accounts/login/?next=/accounts/"] * 2
    assert sessions == 1
    assert enabled_again["Location"] == "/accounts/login/?next=/accounts/"
    assert client.get("/people/").status_code == 200
    assert User.objects.get(pk=person.pk).is_active


def test_delete_names_what_is_lost(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace")
    make_conversation(user=person, messages=2)
    make_conversation(user=person, messages=4)
    make_conversation(user=administrator, messages=1)

    page = client.get(f"/people/{person.pk}/delete/").content.decode()

    assert "Delete the account of Grace?" in page
    assert "2 conversations" in page
    assert "6 messages" in page


def test_delete_removes_everything_of_theirs_and_nothing_else(client: Client, administrator: User) -> None:
    person = make_user(display_name="Grace")
    elsewhere = Client()
    elsewhere.force_login(person)
    make_conversation(user=person, messages=4)
    kept = make_conversation(user=administrator, messages=2)

    response = post(client, person, "delete")

    assert list(User.objects.all()) == [administrator]
    assert list(Conversation.objects.all()) == [kept]
    assert Message.objects.count() == 2
    assert Session.objects.count() == 1
    assert elsewhere.get("/accounts/")["Location"] == "/accounts/login/?next=/accounts/"
    assert "The account of Grace has been deleted." in response.content.decode()


def test_deciding_about_an_id_that_is_no_id(client: Client, administrator: User) -> None:
    assert client.post("/people/1/approve/").status_code == 404
    assert client.post(f"/people/{UUID(int=0)}/approve/").status_code == 404
