"""Visits every address of the site as everybody. A new address fails here until it is classified below, and one with an
argument of a new kind until `site` makes one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from tests.factories import make_administrator, make_answer, make_api_key, make_conversation, make_user
from webui.models import ApiKey, Conversation, Message, ModelAccess, SiteSettings, User
from webui.services.passwords import make_reset_token

#: Answers everybody, also without an account.
OPEN = {"account_login", "account_signup", "password-reset", "language", "theme", "health"}
#: Answers also those waiting for approval.
WAITING = {"waiting", "account_logout"}
#: Answers whoever has been let in, about nobody but themselves.
LET_IN = {"account", "account_change_password", "api-keys", "api-reference", "chat", "message-send", "sidebar", "model-picker"}
#: Belongs to one person: nobody else, no administrator either, learns that it is there.
OWNED = {
    "api-key",
    "api-key-edit",
    "api-key-revoke",
    "conversation",
    "conversation-rename",
    "conversation-delete",
    "conversation-messages",
    "message",
    "message-stop",
    "message-continue",
    "message-retry",
}
ADMINISTRATOR = {
    "jobs",
    "job-cancel",
    "job-dismiss",
    "job-pause",
    "job-resume",
    "job-retry",
    "model-add",
    "model-create",
    "model-estimate",
    "model-files",
    "model-upload",
    "upload",
    "upload-discard",
    "upload-finish",
    "uploads",
    "registries",
    "registry-sign-out",
    "models",
    "model-states",
    "models-delete",
    "model",
    "model-load",
    "model-load-cancel",
    "model-unload",
    "model-edit",
    "model-speed",
    "model-bench",
    "model-optimise",
    "model-work-cancel",
    "model-copy",
    "model-rename",
    "model-default",
    "model-enabled",
    "model-audience",
    "people",
    "people-api-keys",
    "people-registration",
    "person-api-keys",
    "person-approve",
    "person-decline",
    "person-role",
    "person-disable",
    "person-enable",
    "person-reset",
    "person-delete",
}
CLASSES = [OPEN, WAITING, LET_IN, OWNED, ADMINISTRATOR]
METHODS = ["get", "post"]
SECRETS = ["a title nobody else may read", "an answer nobody else may read", "a key nobody else may know of"]
#: Valid for every form that takes fewer, so that nothing but the guard stands in the way.
ANSWERS = {
    "title": "Renamed",
    "content": "Hello",
    "role": "administrator",
    "registration": "open",
    "display_name": "Renamed",
    "makers": "administrators",
}


def walk(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns)
        else:
            yield pattern


PATTERNS = {str(pattern.name): pattern for pattern in walk(get_resolver().url_patterns)}


@dataclass
class Site:
    people: dict[str, User | None]
    arguments: dict[str, Any]

    def path(self, name: str) -> str:
        return reverse(name, kwargs={argument: self.arguments[argument] for argument in PATTERNS[name].pattern.converters})

    def visit(self, who: str, method: str, name: str) -> Any:
        client = Client()
        person = self.people[who]
        if person is not None:
            client.force_login(person)
        return getattr(client, method)(self.path(name), ANSWERS if method == "post" else {})


@pytest.fixture
def site(db: None, settings: Settings) -> Site:
    settings.PASSWORD_HASHERS = ["tests.passwords.QuickArgon2"]
    # Nothing listens there: no visit waits for a model.
    settings.INFERENCE_URL = "http://127.0.0.1:9"
    cache.clear()
    SiteSettings.load()
    people = {
        "administrator": make_administrator(),
        "owner": make_user(),
        "other": make_user(),
        "waiting": make_user(is_approved=False),
        "stranger": None,
    }
    conversation = make_conversation(user=people["owner"], title=SECRETS[0])
    answer = make_answer(conversation=conversation, content=SECRETS[1])
    key, _text = make_api_key(user=people["owner"], name=SECRETS[2])
    subject = make_user(is_approved=False)
    arguments = {
        "conversation_id": conversation.pk,
        "message_id": answer.pk,
        "key_id": key.pk,
        "user_id": subject.pk,
        "token": make_reset_token(subject),
        "job_id": "0123456789abcdef",
        "upload_id": "0123456789abcdef",
        "name": "team/tutor:latest",
        "registry": "registry.example.org:5000",
    }
    return Site(people, arguments)


def stored() -> list[dict[str, Any]]:
    """Every row that a visit could change, but for the time of the last sign-in."""
    models: list[type[Model]] = [User, Conversation, Message, ModelAccess, ApiKey, SiteSettings]
    rows = [row for model in models for row in model._default_manager.order_by("pk").values()]
    return [{name: value for name, value in row.items() if name != "last_login"} for row in rows]


def refused(response: Any) -> bool:
    return response.status_code in {403, 404} or response.get("Location", "").startswith(
        ("/accounts/login/", "/accounts/waiting/")
    )


def test_every_url_has_a_name_of_its_own_and_one_class() -> None:
    names = [pattern.name for pattern in walk(get_resolver().url_patterns)]

    assert None not in names
    assert len(set(names)) == len(names)
    assert {name: sum(name in names_of for names_of in CLASSES) for name in names} == dict.fromkeys(names, 1)
    assert set().union(*CLASSES) == set(names)


def test_every_url_is_behind_the_door_unless_listed() -> None:
    doors = {name: getattr(pattern.callback, "login_required", True) for name, pattern in PATTERNS.items()}
    waiting = {name for name, pattern in PATTERNS.items() if getattr(pattern.callback, "waiting_allowed", False)}

    assert {name for name, is_closed in doors.items() if not is_closed} == OPEN
    assert waiting == WAITING


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - OPEN))
def test_every_url_sends_a_stranger_to_sign_in(site: Site, name: str, method: str) -> None:
    before = stored()

    response = site.visit("stranger", method, name)

    after_signing_in = f"?next={quote(site.path(name))}" if method == "get" else ""
    assert response["Location"] == f"/accounts/login/{after_signing_in}"
    assert stored() == before


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - OPEN - WAITING))
def test_every_url_sends_the_waiting_to_the_waiting_page(site: Site, name: str, method: str) -> None:
    before = stored()

    response = site.visit("waiting", method, name)

    assert response["Location"] == "/accounts/waiting/"
    assert stored() == before


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(OPEN))
@pytest.mark.parametrize("who", ["stranger", "waiting"])
def test_open_url_answers_everybody(site: Site, name: str, method: str, who: str) -> None:
    response = site.visit(who, method, name)

    assert not refused(response)
    assert response.status_code in {200, 302, 400, 405, 422}
    assert not any(secret in response.content.decode() for secret in SECRETS)


@pytest.mark.parametrize("who", ["waiting", "other"])
def test_waiting_url_answers_the_waiting_and_those_let_in(site: Site, who: str) -> None:
    page = site.visit(who, "get", "waiting")
    sign_out = site.visit(who, "post", "account_logout")

    assert (page.status_code, page.get("Location")) == ((200, None) if who == "waiting" else (302, "/"))
    assert sign_out["Location"] == "/accounts/login/"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(LET_IN))
@pytest.mark.parametrize("who", ["administrator", "owner", "other"])
def test_url_for_those_let_in_answers_them(site: Site, name: str, method: str, who: str) -> None:
    response = site.visit(who, method, name)

    assert not refused(response)
    assert response.status_code < 500
    if who != "owner":
        assert not any(secret in response.content.decode() for secret in SECRETS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(OWNED))
@pytest.mark.parametrize("who", ["administrator", "other"])
def test_owned_url_is_not_there_for_anybody_else(site: Site, name: str, method: str, who: str) -> None:
    before = stored()

    response = site.visit(who, method, name)
    after = stored()
    answer_to_owner = site.visit("owner", method, name)

    # A wrong method is refused before anything is looked up, to the owner as well.
    assert response.status_code == (405 if answer_to_owner.status_code == 405 else 404)
    assert after == before
    assert not any(secret in response.content.decode() for secret in SECRETS)
    assert not refused(answer_to_owner)
    assert answer_to_owner.status_code < 500


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", sorted(ADMINISTRATOR))
@pytest.mark.parametrize("who", ["owner", "other"])
def test_administrator_url_is_not_there_for_members(site: Site, name: str, method: str, who: str) -> None:
    before = stored()

    response = site.visit(who, method, name)
    after = stored()
    answer_to_administrator = site.visit("administrator", method, name)

    assert response.status_code == 404
    assert after == before
    assert not refused(answer_to_administrator)
    assert answer_to_administrator.status_code < 500
