"""What an administrator decides about other people. The site never loses its last administrator."""

import logging
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext

from webui.enums import RUNNING_STATUSES, Role
from webui.models import ApiKey, Conversation, Message, User
from webui.services.errors import DomainError
from webui.services.forgetting import forget_scope, scope_of
from webui.services.generation.registry import stop_generation
from webui.services.sessions import end_sessions
from webui.services.site_settings import lock_site_settings

logger = logging.getLogger(__name__)


class PeopleRefused(DomainError):
    """The change was not made; the sentence is for the administrator."""

    code = "people_refused"


@dataclass(frozen=True)
class Belongings:
    """What goes when a person goes."""

    conversations: int
    messages: int
    api_keys: int


def belongings_of(person: User) -> Belongings:
    counts = Conversation.objects.filter(owner=person).aggregate(
        conversations=Count("id", distinct=True), messages=Count("messages")
    )
    return Belongings(**counts, api_keys=ApiKey.objects.filter(user=person).count())


@transaction.atomic
def approve_person(person: User, *, by: User) -> None:
    """Lets somebody in who is waiting."""
    _locked(person)
    person.is_approved = True
    person.save(update_fields=["is_approved"])
    logger.info("%s approved %s", by.pk, person.pk)


@transaction.atomic
def decline_person(person: User, *, by: User) -> None:
    """Deletes an account that is still waiting; one that was let in has to be deleted by its own way."""
    _locked(person)
    if person.is_approved:
        raise PeopleRefused(gettext("%(name)s has already been let in.") % {"name": person})
    _delete(person, by=by)


@transaction.atomic
def change_role(person: User, *, role: Role, by: User) -> None:
    _locked(person)
    if role == Role.ADMINISTRATOR:
        if not person.may_enter:
            raise PeopleRefused(gettext("%(name)s cannot be administrator before being let in.") % {"name": person})
    else:
        _keep_an_administrator(person)
    person.role = role
    person.save(update_fields=["role"])
    logger.info("%s made %s %s", by.pk, person.pk, role)


@transaction.atomic
def disable_person(person: User, *, by: User) -> None:
    """Shuts a person out at once, in every browser and with every API key. Nothing of theirs is lost."""
    _locked(person)
    _refuse_yourself(person, by, gettext("You cannot shut yourself out."))
    _keep_an_administrator(person)
    person.is_active = False
    person.save(update_fields=["is_active"])
    end_sessions(person)
    _stop_answers(person)
    logger.info("%s disabled %s", by.pk, person.pk)


@transaction.atomic
def enable_person(person: User, *, by: User) -> None:
    _locked(person)
    person.is_active = True
    person.save(update_fields=["is_active"])
    logger.info("%s enabled %s", by.pk, person.pk)


@transaction.atomic
def delete_person(person: User, *, by: User) -> None:
    """Deletes the account and everything that belongs to it, for good."""
    _locked(person)
    _refuse_yourself(person, by, gettext("You cannot delete your own account."))
    _keep_an_administrator(person)
    _delete(person, by=by)


@transaction.atomic
def make_rescuer(person: User) -> None:
    """For the console, where whoever can run it owns the machine: an approved, active administrator again."""
    _locked(person)
    person.role, person.is_active, person.is_approved = Role.ADMINISTRATOR, True, True
    person.save(update_fields=["role", "is_active", "is_approved"])


def _delete(person: User, *, by: User) -> None:
    logger.info("%s deleted %s", by.pk, person.pk)
    end_sessions(person)
    _stop_answers(person)
    transaction.on_commit(partial(forget_scope, scope_of(person.pk)))
    person.delete()


def _stop_answers(person: User) -> None:
    """Frees the model from what nobody will read."""
    running = Message.objects.filter(conversation__owner=person, status__in=RUNNING_STATUSES)
    for message_id in running.values_list("pk", flat=True):
        transaction.on_commit(partial(stop_generation, message_id))


def _locked(person: User) -> None:
    """Takes the site's lock and reads the person again: another administrator may have decided meanwhile."""
    lock_site_settings()
    try:
        person.refresh_from_db()
    except User.DoesNotExist:
        raise PeopleRefused(gettext("This account no longer exists.")) from None


def _refuse_yourself(person: User, by: User, sentence: str) -> None:
    if person.pk == by.pk:
        raise PeopleRefused(sentence)


def _keep_an_administrator(person: User) -> None:
    administrators = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True, is_approved=True)
    if person.is_administrator and not administrators.exclude(pk=person.pk).exists():
        raise PeopleRefused(
            gettext("%(name)s is the only administrator. Make somebody else administrator first.") % {"name": person}
        )
