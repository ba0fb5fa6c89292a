"""Making, recognising and revoking API keys."""

import hashlib
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.utils import timezone
from uuid6 import uuid7

from tests.factories import make_administrator, make_api_key, make_user
from webui.enums import ApiKeyMakers, ApiScope, Role
from webui.models import ApiKey, SiteSettings, User
from webui.services.api_keys import (
    ENDED_KEYS_KEPT,
    MAX_KEYS,
    ApiKeyAlreadyMade,
    ApiKeyRefused,
    authenticate,
    create_key,
    revoke_key,
    revoke_keys_of,
)
from webui.services.people import change_role, delete_person, disable_person, enable_person

pytestmark = pytest.mark.django_db


def stored_keys(user: User, number: int, **fields: Any) -> None:
    """Rows as many keys would leave them, without making each."""
    ApiKey.objects.bulk_create(
        ApiKey(user=user, name="Key", sha256=hashlib.sha256(b"%d" % index).hexdigest(), **fields) for index in range(number)
    )


def test_key_is_recognised_by_its_text_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    user = make_user()

    key, text = create_key(user, name=" Laptop ", scopes=["embed", "chat"])
    holder = authenticate(text)

    assert re.fullmatch(r"hearth-[A-Za-z0-9_-]{43}", text)
    assert holder is not None
    assert (holder.key_id, holder.user, holder.scopes) == (key.pk, user, {ApiScope.CHAT, ApiScope.EMBED})
    assert holder.caller == f"user:{user.pk}/key:{key.pk}"
    key.refresh_from_db()
    assert (key.name, key.scopes, key.prefix) == ("Laptop", ["chat", "embed"], text[:11])
    assert (key.expires_at, key.revoked_at, key.last_used_at) == (None, None, None)
    # Neither the database nor the log has it.
    assert not any(text in str(value) for value in ApiKey.objects.values().get(pk=key.pk).values())
    assert f"created the API key {key.pk} for chat embed" in caplog.text
    assert text[7:] not in caplog.text


def test_key_costs_one_query_by_an_index(django_assert_num_queries: Callable[[int], Any]) -> None:
    _key, text = make_api_key()

    with django_assert_num_queries(1) as queries:
        assert authenticate(text) is not None
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, ApiKey._meta.db_table)

    assert "sha256" in queries.captured_queries[0]["sql"].partition("WHERE")[2]
    assert any(constraint["unique"] and constraint["columns"] == ["sha256"] for constraint in constraints.values())


NO_KEYS = ["", "hearth-", "Bearer", "\0", "x" * 100_000, *(f"hearth-{sign * 43}" for sign in "xé１"), "hearth-" + "x" * 44]


@pytest.mark.parametrize("text", NO_KEYS)
def test_text_that_is_no_key_opens_nothing(text: str) -> None:
    make_api_key()

    assert authenticate(text) is None


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}x", "Bearer {}"])
def test_key_has_one_spelling(change: str) -> None:
    _key, text = make_api_key()

    assert authenticate(change.format(text)) is None
    assert authenticate(text.swapcase()) is None
    assert authenticate(text) is not None


def test_hash_of_a_key_does_not_open_anything() -> None:
    key, _text = make_api_key()

    assert authenticate(key.sha256) is None
    assert authenticate(f"hearth-{key.sha256}") is None


def test_key_that_expired_opens_nothing() -> None:
    now = timezone.now()
    _old, old = make_api_key(expires_at=now - timedelta(seconds=1))
    _new, new = make_api_key(expires_at=now + timedelta(hours=1))

    assert authenticate(old) is None
    assert authenticate(new) is not None


def test_key_that_was_revoked_opens_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    key, text = make_api_key()

    revoked = revoke_key(key.user, key.pk)
    again = revoke_key(key.user, key.pk)

    assert authenticate(text) is None
    assert revoked.revoked_at == again.revoked_at is not None
    assert caplog.text.count(f"revoked the API key {key.pk}") == 1


@pytest.mark.parametrize("make", [make_user, make_administrator])
def test_key_of_somebody_else_is_not_there_to_revoke(make: Callable[[], User]) -> None:
    key, text = make_api_key()

    with pytest.raises(Http404):
        revoke_key(make(), key.pk)

    assert authenticate(text) is not None


def test_key_of_a_disabled_person_opens_nothing_until_they_are_back() -> None:
    administrator = make_administrator()
    key, text = make_api_key()

    disable_person(key.user, by=administrator)
    while_disabled = authenticate(text)
    enable_person(key.user, by=administrator)

    assert while_disabled is None
    assert authenticate(text) is not None


def test_key_of_a_person_who_waits_opens_nothing() -> None:
    key, text = make_api_key()
    User.objects.filter(pk=key.user_id).update(is_approved=False)

    assert authenticate(text) is None


def test_keys_go_with_their_person() -> None:
    key, text = make_api_key()

    delete_person(key.user, by=make_administrator())

    assert authenticate(text) is None
    assert not ApiKey.objects.exists()


def test_managing_ends_with_the_role_of_the_owner() -> None:
    first, administrator = make_administrator(), make_administrator()
    _key, text = make_api_key(user=administrator, scopes=["chat", "manage"])

    before = authenticate(text)
    change_role(administrator, role=Role.MEMBER, by=first)
    after = authenticate(text)

    assert before is not None and before.scopes == {ApiScope.CHAT, ApiScope.MANAGE}
    assert after is not None and after.scopes == {ApiScope.CHAT}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"name": " "}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["chat", "manage"]}, "scopes"),
        ({"scopes": ["chat", "everything"]}, "scopes"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_on"),
    ],
)
def test_key_that_cannot_be_is_refused(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(ApiKeyRefused) as refusal:
        create_key(make_user(), **{"name": "Key", "scopes": ["chat"], **asked})

    assert refusal.value.field == field
    assert not ApiKey.objects.exists()


def test_member_makes_no_key_where_only_administrators_may() -> None:
    key, text = make_api_key()
    SiteSettings.objects.update_or_create(pk=1, defaults={"api_key_makers": ApiKeyMakers.ADMINISTRATORS})

    with pytest.raises(ApiKeyRefused, match="Only administrators"):
        create_key(key.user, name="Another", scopes=["chat"])
    of_administrator, _text = create_key(make_administrator(), name="Mine", scopes=["chat"])

    # What was made before goes on: it is revoked with its person's keys.
    assert authenticate(text) is not None
    assert set(ApiKey.objects.all()) == {key, of_administrator}


def test_nobody_has_more_keys_than_the_limit() -> None:
    user = make_user()
    stored_keys(user, MAX_KEYS)

    with pytest.raises(ApiKeyRefused, match="50 API keys"):
        create_key(user, name="One more", scopes=["chat"])
    revoke_key(user, ApiKey.objects.filter(user=user)[0].pk)
    create_key(user, name="One more", scopes=["chat"])

    assert user.api_keys.filter(revoked_at=None).count() == MAX_KEYS


def test_ended_keys_leave_the_list_at_last_the_oldest_first() -> None:
    now = timezone.now()
    user = make_user()
    stored_keys(user, ENDED_KEYS_KEPT, revoked_at=now, created_at=now - timedelta(days=1))
    oldest, _text = make_api_key(user=user, expires_at=now - timedelta(days=1), created_at=now - timedelta(days=9))

    create_key(user, name="New", scopes=["chat"])

    assert user.api_keys.count() == ENDED_KEYS_KEPT + 1
    assert not user.api_keys.filter(pk=oldest.pk).exists()


def test_form_that_is_sent_twice_makes_one_key() -> None:
    user, form_id = make_user(), uuid7()
    create_key(user, name="Key", scopes=["chat"], key_id=form_id)

    with pytest.raises(ApiKeyAlreadyMade):
        create_key(user, name="Key", scopes=["chat"], key_id=form_id)
    of_other, text = create_key(make_user(), name="Key", scopes=["chat"], key_id=form_id)

    assert user.api_keys.count() == 1
    # Somebody else does not learn that it is taken.
    assert of_other.pk != form_id
    assert authenticate(text) is not None


def test_all_keys_of_a_person_are_revoked_and_nobody_elses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    person, administrator = make_user(), make_administrator()
    texts = [make_api_key(user=person)[1] for _ in range(2)]
    revoked, _text = make_api_key(user=person, revoked_at=timezone.now() - timedelta(days=3))
    _of_other, other = make_api_key()

    count = revoke_keys_of(person, by=administrator)

    assert count == 2
    assert [authenticate(text) for text in texts] == [None, None]
    assert authenticate(other) is not None
    assert ApiKey.objects.get(pk=revoked.pk).revoked_at == revoked.revoked_at
    assert f"{administrator.pk} revoked all 2 API keys of {person.pk}" in caplog.text


def test_scopes_are_kept_in_one_order() -> None:
    key, _text = create_key(make_administrator(), name="Key", scopes=["manage", "embed", "chat"])

    assert key.scopes == ["chat", "embed", "manage"]
