"""Which models a person may use here, and deciding it. An administrator may use every model that is enabled.

Asked wherever an answer is asked for, by service and not by page, so that no door has to think of it.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from webui.enums import Audience, Role
from webui.models import ModelAccess, User
from webui.services.errors import DomainError
from webui.services.installed_models import InstalledModel
from webui.services.model_names import model_key

logger = logging.getLogger(__name__)
#: So many administrators are named in a sentence; a site with more has other ways to say who is asked.
NAMED_ADMINISTRATORS = 5


class ModelNotAllowed(DomainError):
    """The person may not use this model, or nobody may."""

    code = "model_not_allowed"


def check_may_use(user: User, name: str) -> None:
    """Raises ModelNotAllowed unless `user` may use the model of that name, however it is spelled."""
    key = model_key(name)
    if not key:
        raise ModelNotAllowed(_("The model “%(model)s” is not installed. Choose another one and try again.") % {"model": name})
    access = ModelAccess.objects.filter(pk=key).first()
    if access is None or _may_use(user, access, _chosen_for(user)):
        return
    if not access.is_enabled:
        raise ModelNotAllowed(_("The model “%(model)s” is switched off. Choose another one and try again.") % {"model": name})
    names = {"model": name, "names": administrators_sentence()}
    raise ModelNotAllowed(_("You may not use the model “%(model)s”. Choose another one, or ask %(names)s for it.") % names)


def usable_models(user: User, models: Sequence[InstalledModel]) -> list[InstalledModel]:
    """Those of `models` that `user` may use. One query, two where anything was decided."""
    forbidden = forbidden_keys(user) if models else frozenset()
    return [model for model in models if model_key(model.name) not in forbidden]


def forbidden_keys(user: User) -> frozenset[str]:
    """Keys (see `model_names`) of the models that `user` may not use."""
    decided = list(ModelAccess.objects.all())
    chosen = _chosen_for(user) if decided else set()
    return frozenset(access.pk for access in decided if not _may_use(user, access, chosen))


def access_of(name: str) -> ModelAccess:
    """What was decided about the model; a row that is not stored where nothing was."""
    key = model_key(name)
    return ModelAccess.objects.filter(pk=key).first() or ModelAccess(pk=key)


def accesses_of(models: Iterable[InstalledModel]) -> dict[str, ModelAccess]:
    """What was decided, by the models' names, in one query; a name without an entry is open to everyone."""
    stored = ModelAccess.objects.in_bulk()
    return {model.name: stored[key] for model in models if (key := model_key(model.name)) in stored}


@transaction.atomic
def set_enabled(name: str, *, is_enabled: bool, by: User) -> None:
    """Offers the model to those who may use it, or to nobody; answers that are being written go on."""
    ModelAccess.objects.update_or_create(pk=model_key(name), defaults={"is_enabled": is_enabled})
    logger.info("%s %s the model %s", by.pk, "enabled" if is_enabled else "disabled", name)


@transaction.atomic
def set_audience(name: str, *, audience: Audience, people: Iterable[User], by: User) -> None:
    """Restricts the model to administrators or chosen people, or opens it to everyone."""
    access, _made = ModelAccess.objects.update_or_create(pk=model_key(name), defaults={"audience": audience})
    access.people.set(people if audience == Audience.CHOSEN else [])
    logger.info("%s opened the model %s to %s", by.pk, name, audience)


@transaction.atomic
def copy_access(source: str, destination: str) -> None:
    """A copy of a restricted model is restricted in the same way, whatever a model of its name was before."""
    origin = ModelAccess.objects.filter(pk=model_key(source)).first()
    ModelAccess.objects.filter(pk=model_key(destination)).delete()
    if origin is None:
        return
    copied = ModelAccess.objects.create(pk=model_key(destination), is_enabled=origin.is_enabled, audience=origin.audience)
    copied.people.set(origin.people.all())


@dataclass(frozen=True)
class Decided:
    """What had been decided about a model, to be put back where a change did not come about; `audience` is "" for nothing."""

    is_enabled: bool = True
    audience: str = ""
    people: tuple[Any, ...] = ()


def decided_about(name: str) -> Decided:
    access = ModelAccess.objects.filter(pk=model_key(name)).first()
    if access is None:
        return Decided()
    return Decided(access.is_enabled, access.audience, tuple(access.people.values_list("pk", flat=True)))


@transaction.atomic
def restore_access(name: str, decided: Decided) -> None:
    forget_access(name)
    if decided.audience:
        access = ModelAccess.objects.create(pk=model_key(name), is_enabled=decided.is_enabled, audience=decided.audience)
        access.people.set(decided.people)


def forget_access(name: str) -> None:
    """For a model that is gone: one that comes under the same name later is another one."""
    ModelAccess.objects.filter(pk=model_key(name)).delete()


def administrators_sentence() -> str:
    """Whom to ask: the administrators' names, joined as the language does."""
    administrators = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True, is_approved=True)
    names = [str(person) for person in administrators.order_by("date_joined")[:NAMED_ADMINISTRATORS]]
    if not names:
        return _("an administrator")
    if len(names) == 1:
        return names[0]
    return _("%(names)s or %(last)s") % {"names": _(", ").join(names[:-1]), "last": names[-1]}


def _chosen_for(user: User) -> set[str]:
    """Keys of the models that `user` was chosen for."""
    through = ModelAccess.people.through
    return set(through._default_manager.filter(user_id=user.pk).values_list("modelaccess_id", flat=True))


def _may_use(user: User, access: ModelAccess, chosen: set[str]) -> bool:
    if not access.is_enabled:
        return False
    if access.audience == Audience.EVERYONE or user.is_administrator:
        return True
    return access.audience == Audience.CHOSEN and access.pk in chosen
