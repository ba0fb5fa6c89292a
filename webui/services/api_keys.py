"""API keys: making, changing, revoking and recognising them. Keys authenticate API paths only; no page knows them.

The text of a key is 256 random bits. That is why one round of SHA-256 is enough to keep it: a slow hash is for what people
think of, and there is no list of such texts to try. It is looked up by that hash, so that what the time of the look-up could
tell is about the hash of a guess, from which nothing follows for the key.
"""

import hashlib
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from uuid6 import uuid7

from webui.access import get_api_key
from webui.enums import ApiKeyMakers, ApiScope
from webui.models import ApiKey, SiteSettings, User
from webui.services.api_key_usage import record_usage
from webui.services.errors import DomainError
from webui.services.forgetting import scope_of

__all__ = [
    "ApiKeyAlreadyMade",
    "ApiKeyEnded",
    "ApiKeyRefused",
    "KeyHolder",
    "authenticate",
    "change_key",
    "create_key",
    "holders_of",
    "live_keys",
    "may_create_keys",
    "record_usage",
    "refuse_ended",
    "revoke_key",
    "revoke_keys_of",
    "scopes_for",
]

logger = logging.getLogger(__name__)
KEY_START = "hearth-"
#: So many keys that work, a person may have at a time.
MAX_KEYS = 50
#: So many of those that no longer work stay in the list.
ENDED_KEYS_KEPT = 50
_KEY = re.compile(r"hearth-[A-Za-z0-9_-]{43}", re.ASCII)
#: Of the random part so many signs are shown in lists: 24 bits, which leaves 232.
_SHOWN_SIGNS = 4


class ApiKeyRefused(DomainError):
    """No key was made. `field` names the form field at fault, None when it is none of them."""

    code = "api_key_refused"

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class ApiKeyEnded(DomainError):
    """It no longer works, so there is nothing to change about it."""

    code = "api_key_ended"


class ApiKeyAlreadyMade(DomainError):
    """The same form was sent a second time: the key is there, and its text has been shown."""

    code = "api_key_already_made"


@dataclass(frozen=True)
class KeyHolder:
    """Whose key was presented, and what it opens now."""

    key_id: UUID
    user: User
    scopes: frozenset[ApiScope]

    @property
    def caller(self) -> str:
        """What the runtime is told as `Hearth-Caller`; below `scope_of(user)`, so what is computed goes when the person goes."""
        return f"{scope_of(self.user.pk)}/key:{self.key_id}"


def may_create_keys(user: User, site_settings: SiteSettings) -> bool:
    """Whether the site lets this person make keys."""
    return user.may_enter and (user.is_administrator or site_settings.api_key_makers == ApiKeyMakers.EVERYONE)


def scopes_for(user: User) -> list[ApiScope]:
    """The scopes that a key of this person can have."""
    return [scope for scope in ApiScope if scope != ApiScope.MANAGE or user.is_administrator]


def live_keys(path: str = "") -> Q:
    """The condition for keys that were neither revoked nor have expired; `path` leads to them, as in `api_keys__`."""
    not_expired = Q(**{f"{path}expires_at": None}) | Q(**{f"{path}expires_at__gt": timezone.now()})
    return Q(**{f"{path}revoked_at": None}) & not_expired


@transaction.atomic
def create_key(
    user: User, *, name: str, scopes: Iterable[str], expires_at: datetime | None = None, key_id: UUID | None = None
) -> tuple[ApiKey, str]:
    """Makes a key. The text that comes with it is nowhere else and cannot be had again.

    `key_id` is given by a form that may be sent twice: the second time no key is made.

    Raises:
        ApiKeyRefused: the person may not make keys, has too many, or asks for what a key of theirs cannot have.
        ApiKeyAlreadyMade: there is a key with `key_id`.
    """
    # Locked, so that two requests do not both make the last key; read again, as an administrator may have decided meanwhile.
    user = User.objects.select_for_update().get(pk=user.pk)
    key_id = _free_id(user, key_id)
    wanted = set(scopes)
    _refuse_unless_allowed(user, name=name, scopes=wanted, expires_at=expires_at)
    text = KEY_START + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        id=key_id,
        user=user,
        name=name.strip(),
        prefix=text[: len(KEY_START) + _SHOWN_SIGNS],
        sha256=_hash(text),
        scopes=[str(scope) for scope in ApiScope if scope in wanted],
        expires_at=expires_at,
    )
    _forget_ended_keys(user)
    logger.info("%s created the API key %s for %s, expires: %s", user.pk, key.pk, " ".join(key.scopes), expires_at or "never")
    return key, text


@transaction.atomic
def change_key(user: User, key_id: UUID, *, name: str, scopes: Iterable[str], expires_at: datetime | None) -> ApiKey:
    """Renames one of the person's own keys and decides anew what it may do and until when; its text stays. Requests that it no
    longer opens end as they do with a key that is revoked. Where the person may not make keys, it can only get less.

    Raises:
        Http404: like `access`.
        ApiKeyEnded: it was revoked or has expired.
        ApiKeyRefused: a key of this person cannot have that.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    key = get_api_key(user, key_id)
    refuse_ended(key)
    wanted = set(scopes)
    _refuse_unless_possible(user, name=name, scopes=wanted, expires_at=expires_at)
    if not may_create_keys(user, SiteSettings.load()) and _gets_more(key, wanted, expires_at):
        raise ApiKeyRefused(_("Only administrators may create API keys here: a key that exists can get less, not more."))
    key.name = name.strip()
    key.scopes = [str(scope) for scope in ApiScope if scope in wanted]
    key.expires_at = expires_at
    key.save(update_fields=["name", "scopes", "expires_at"])
    logger.info("%s changed the API key %s: for %s, expires: %s", user.pk, key.pk, " ".join(key.scopes), expires_at or "never")
    return key


def refuse_ended(key: ApiKey) -> None:
    """Raises ApiKeyEnded for one that cannot be changed any more."""
    if not key.is_live:
        raise ApiKeyEnded(_("“%(name)s” no longer works, and cannot be changed. Create another key.") % {"name": key})


@transaction.atomic
def revoke_key(user: User, key_id: UUID) -> ApiKey:
    """Ends one of the person's own keys at once; one that was revoked before stays as it is. Raises Http404 like `access`."""
    key = get_api_key(user, key_id)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        logger.info("%s revoked the API key %s", user.pk, key.pk)
    return key


@transaction.atomic
def revoke_keys_of(person: User, *, by: User) -> int:
    """Ends every key of a person that still works; returns their number."""
    count = ApiKey.objects.filter(live_keys(), user=person).update(revoked_at=timezone.now())
    logger.info("%s revoked all %s API keys of %s", by.pk, count, person.pk)
    return count


def authenticate(text: str) -> KeyHolder | None:
    """Who presents the key `text`, or None: unknown, revoked, expired, or its owner may not enter (disabled, waiting).

    One query over two unique indexes, cheap enough for every request of an API. Nothing may be kept of the answer beyond the
    request: a key that is revoked, and a person who is shut out, are refused from then on. A member's key never holds
    `manage`, also where its owner was administrator when it was made.
    """
    if not _KEY.fullmatch(text):
        return None
    key = ApiKey.objects.select_related("user").filter(sha256=_hash(text)).first()
    return _holder_of(key) if key is not None else None


def holders_of(key_ids: Iterable[UUID]) -> dict[UUID, KeyHolder]:
    """What `authenticate` would say of these keys now, without those that open nothing any more."""
    keys = ApiKey.objects.select_related("user").filter(pk__in=list(key_ids))
    return {key.pk: holder for key in keys if (holder := _holder_of(key)) is not None}


def _holder_of(key: ApiKey) -> KeyHolder | None:
    if not key.is_live or not key.user.may_enter:
        return None
    return KeyHolder(key.pk, key.user, frozenset(scope for scope in scopes_for(key.user) if scope in key.scopes))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _free_id(user: User, key_id: UUID | None) -> UUID:
    """Raises ApiKeyAlreadyMade where `key_id` is a key of this person; where it is somebody else's, nothing is said of it."""
    taken = ApiKey.objects.filter(pk=key_id).first() if key_id else None
    if taken is not None and taken.user_id == user.pk:
        raise ApiKeyAlreadyMade(
            _("This API key was created before, and is shown only once. Revoke it if you have not copied it.")
        )
    return key_id if key_id and taken is None else uuid7()


def _refuse_unless_allowed(user: User, *, name: str, scopes: set[str], expires_at: datetime | None) -> None:
    if not may_create_keys(user, SiteSettings.load()):
        raise ApiKeyRefused(_("Only administrators may create API keys here."))
    _refuse_unless_possible(user, name=name, scopes=scopes, expires_at=expires_at)
    if ApiKey.objects.filter(live_keys(), user=user).count() >= MAX_KEYS:
        sentence = _("You have %(number)s API keys, and nobody may have more. Revoke one that you no longer need.")
        raise ApiKeyRefused(sentence % {"number": MAX_KEYS})


def _refuse_unless_possible(user: User, *, name: str, scopes: set[str], expires_at: datetime | None) -> None:
    if not name.strip():
        raise ApiKeyRefused(_("Give the key a name, so that you know later what it is for."), "name")
    if not scopes or not scopes <= {str(scope) for scope in scopes_for(user)}:
        raise ApiKeyRefused(_("Choose at least one of the things that a key of yours may do."), "scopes")
    if expires_at is not None and expires_at <= timezone.now():
        raise ApiKeyRefused(_("Choose a day in the future."), "expires_on")


def _gets_more(key: ApiKey, scopes: set[str], expires_at: datetime | None) -> bool:
    lasts_longer = key.expires_at is not None and (expires_at is None or expires_at > key.expires_at)
    return lasts_longer or not scopes <= set(key.scopes)


def _forget_ended_keys(user: User) -> None:
    """The oldest that no longer work leave the list, with their usage: nobody fills the disk by making and revoking keys."""
    ended = ApiKey.objects.filter(~live_keys(), user=user).values_list("pk", flat=True)
    ApiKey.objects.filter(pk__in=list(ended[ENDED_KEYS_KEPT:])).delete()
