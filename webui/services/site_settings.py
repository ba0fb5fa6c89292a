"""The settings an administrator changes at run time, and the lock that decides who is administrator."""

from django.db import transaction

from webui.enums import ApiKeyMakers, Registration
from webui.models import SiteSettings


def lock_site_settings() -> SiteSettings:
    """The settings row, held until the surrounding transaction ends; it is made when missing.

    Whatever counts accounts or administrators takes this lock first, so that two requests never both see themselves as
    the first or both remove the last. PostgreSQL locks the row; on SQLite, where `select_for_update` does nothing, the
    IMMEDIATE transaction has already locked the database. Must be called inside `transaction.atomic`.
    """
    return SiteSettings.objects.select_for_update().get_or_create(pk=1)[0]


@transaction.atomic
def change_registration(registration: Registration) -> None:
    """Decides how accounts after the first one are made. Those already waiting go on waiting."""
    site_settings = lock_site_settings()
    site_settings.registration = registration
    site_settings.save(update_fields=["registration"])


@transaction.atomic
def change_api_key_makers(makers: ApiKeyMakers) -> None:
    """Decides who may make API keys from now on. Those that exist go on working until they are revoked."""
    site_settings = lock_site_settings()
    site_settings.api_key_makers = makers
    site_settings.save(update_fields=["api_key_makers"])
