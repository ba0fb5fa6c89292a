"""Making accounts: who may register, who becomes administrator, and under which address."""

import logging

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext

from webui.enums import Registration, Role
from webui.models import SiteSettings, User
from webui.services.errors import DomainError
from webui.services.site_settings import lock_site_settings

logger = logging.getLogger(__name__)


class RegistrationRefused(DomainError):
    """No account was made. `field` names the form field at fault, None when it is none of them."""

    code = "registration_refused"

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


def canonical_email(email: str) -> str:
    """The one spelling under which an address is stored and looked up: lower case, the domain in its ASCII form.

    IDNA folds full-width and upper-case letters of the domain together, and leaves letters of another script that look
    the same visible as `xn--…`, so that nobody is let in for somebody else.

    Raises:
        ValueError: the domain has no ASCII form.
    """
    local, _, domain = email.strip().rpartition("@")
    if domain.startswith("["):
        return f"{local}@{domain}".lower()
    return f"{local}@{domain.encode('idna').decode('ascii')}".lower()


def is_first_registration() -> bool:
    """Whether the next account made becomes the administrator."""
    return not User.objects.exists()


def may_register() -> bool:
    """Whether the registration page offers its form: for the first account always, then as the site settings say."""
    return is_first_registration() or SiteSettings.load().registration != Registration.CLOSED


def register_person(*, email: str, display_name: str, password: str, setup_token: str = "") -> User:
    """Makes an account. The first one on the site becomes administrator; later ones follow the registration setting.

    Raises:
        RegistrationRefused: registration is closed, the setup token is wrong, or the address has an account.
    """
    # Hashing takes long on purpose: do it before anything is locked.
    hashed = make_password(password)
    with transaction.atomic():
        site_settings = lock_site_settings()
        is_first = is_first_registration()
        address = canonical_email(email)
        _refuse_unless_allowed(site_settings, address, is_first=is_first, setup_token=setup_token)
        user = User.objects.create(
            email=address,
            display_name=display_name,
            password=hashed,
            role=Role.ADMINISTRATOR if is_first else Role.MEMBER,
            is_approved=is_first or site_settings.registration == Registration.OPEN,
        )
    logger.info("Registered %s as %s%s", user.pk, user.role, "" if user.is_approved else ", waiting for approval")
    return user


def _refuse_unless_allowed(site_settings: SiteSettings, email: str, *, is_first: bool, setup_token: str) -> None:
    if is_first:
        if settings.SETUP_TOKEN and not constant_time_compare(setup_token, settings.SETUP_TOKEN):
            raise RegistrationRefused(
                gettext("This is not the setup token. It is the value of HEARTH_SETUP_TOKEN on the server."), "setup_token"
            )
        return
    if site_settings.registration == Registration.CLOSED:
        raise RegistrationRefused(gettext("Registration is closed. Ask the administrator to let you in."))
    # Without e-mail there is no way to tell only the owner of the address. Saying it here gives away no more than the
    # account that would otherwise come into being, and registering is limited by address.
    if User.objects.filter(email=email).exists():
        raise RegistrationRefused(
            gettext("This address cannot be registered. If it is yours, sign in, or ask the administrator for help."), "email"
        )


def rename_person(person: User, *, display_name: str) -> None:
    person.display_name = display_name
    person.save(update_fields=["display_name"])
