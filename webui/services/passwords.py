"""Passwords: changing, and setting a new one by a link or at the console, as no e-mail is ever sent."""

import secrets

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction

from webui.models import User
from webui.services.notices import access_revoked

#: No letters or digits that are mistaken for one another when read aloud or copied by hand: 31 signs, 99 bits in all.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


def change_password(user: User, *, password: str) -> None:
    """Sets the password. Sessions begun with the old one end by themselves: each carries a hash of it.

    API keys go on working: programs use them that know nothing of the password. Their owner revokes them, or an administrator.
    """
    user.set_password(password)
    user.save(update_fields=["password"])
    user_id = user.pk
    transaction.on_commit(lambda: access_revoked(user_id))


def make_reset_token(person: User) -> str:
    """A token that sets this person's password once, within `PASSWORD_RESET_TIMEOUT`.

    Nothing is stored: it is a keyed hash over what its use changes, so that it ends with the next password or sign-in.
    """
    return default_token_generator.make_token(person)


def reset_token_is_valid(person: User, token: str) -> bool:
    return default_token_generator.check_token(person, token)


def reset_password(person: User, *, token: str, password: str) -> bool:
    """Sets the password and signs the person out everywhere; False when the token has been used or is too old."""
    with transaction.atomic():
        # Locked, so that of two posts of one link only the first counts.
        locked = User.objects.select_for_update().filter(pk=person.pk).first()
        if locked is None or not reset_token_is_valid(locked, token):
            return False
        change_password(locked, password=password)
    return True


@transaction.atomic
def set_random_password(person: User) -> str:
    """Gives the person a password made here, signs them out everywhere, and returns it."""
    groups = ("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))
    password = "-".join(groups)
    change_password(person, password=password)
    return password
