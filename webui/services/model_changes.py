"""What an administrator does with installed models: copy, rename, delete, make one the site's default.

The runtime keeps the models, the site what was decided about them and which conversations use them; both change together.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from webui.models import Conversation, Message, SiteSettings, User
from webui.services.errors import DomainError, RuntimeFailure
from webui.services.installed_models import InstalledModel, find_by_name, installed_models
from webui.services.model_access import copy_access, forget_access
from webui.services.model_names import model_key
from webui.services.models import forget_list
from webui.services.runtime_api import call
from webui.services.site_settings import lock_site_settings

logger = logging.getLogger(__name__)
#: As long as the database has room for in a conversation.
LONGEST_NAME = 255


class ModelChangeRefused(DomainError):
    """The change was not made; the sentence is for the administrator."""

    code = "model_change_refused"


@dataclass(frozen=True)
class Dependents:
    """What depends on a model: conversations that would be gone on with it, of how many people; whether it is the site's
    default; the names of other models with the same weights, which stay on the disk for them."""

    model: InstalledModel
    conversations: int
    people: int
    is_default: bool
    sharing: tuple[str, ...]


def dependents_of(models: Sequence[InstalledModel], installed: Sequence[InstalledModel]) -> list[Dependents]:
    """For each of `models`; models that are deleted together do not depend on each other."""
    names = {model.name for model in models}
    default = SiteSettings.load().default_model
    counted = Conversation.objects.filter(model__in=names).order_by().values("model")
    counts = counted.annotate(conversations=Count("pk"), people=Count("owner", distinct=True))
    uses = {row["model"]: (row["conversations"], row["people"]) for row in counts}
    return [
        Dependents(
            model=model,
            conversations=uses.get(model.name, (0, 0))[0],
            people=uses.get(model.name, (0, 0))[1],
            is_default=model_key(model.name) == model_key(default) != "",
            sharing=tuple(
                other.name for other in installed if model.weights and other.weights == model.weights and other.name not in names
            ),
        )
        for model in models
    ]


def copy_model(source: str, destination: str, *, by: User) -> str:
    """Gives the model a second name, under which it is open to the same people. Returns that name as it is stored.

    Raises ModelChangeRefused for a name that is none or is taken, RuntimeFailure where the runtime refuses.
    """
    installed = check_new_name(destination)
    found = find_by_name(installed, source)
    if found is not None and found.is_linked:
        raise ModelChangeRefused(
            _("“%(model)s” is a file in the import folder. Save it under another name instead, or rename the file.")
            % {"model": found.name}
        )
    # First, so that the copy of a restricted model is never open to everyone.
    copy_access(source, destination)
    try:
        call("POST", "/api/copy", {"source": source, "destination": destination})
    except RuntimeFailure:
        forget_access(destination)
        raise
    forget_list()
    logger.info("%s copied the model %s to %s", by.pk, source, destination)
    return stored_name(destination)


def rename_model(source: str, destination: str, *, by: User) -> str:
    """Gives the model another name, also in the conversations that use it and as the site's default. Returns the new name.

    Raises what `copy_model` raises; where the old name cannot be removed, both names are there and the sentence says so.
    """
    if model_key(source) == model_key(destination) != "":
        raise ModelChangeRefused(_("The model has this name already."))
    name = copy_model(source, destination, by=by)
    _follow_rename(source, name)
    try:
        _delete(source)
    except RuntimeFailure as failure:
        names = {"old": source, "new": name, "cause": failure.sentence}
        raise ModelChangeRefused(_("“%(new)s” is there, but “%(old)s” could not be removed: %(cause)s") % names) from None
    logger.info("%s renamed the model %s to %s", by.pk, source, name)
    return name


def delete_models(names: Sequence[str], *, by: User) -> None:
    """Deletes them for good, with what was decided about them. Conversations stay; they go on with another model.

    Raises ModelChangeRefused naming those that could not be deleted; the others are gone.
    """
    failed = []
    for name in names:
        try:
            _delete(name)
            logger.info("%s deleted the model %s", by.pk, name)
        except RuntimeFailure as failure:
            failed.append(_("“%(model)s” could not be deleted: %(cause)s") % {"model": name, "cause": failure.sentence})
    if failed:
        raise ModelChangeRefused(" ".join(failed))


def set_default_model(name: str, *, by: User) -> None:
    """The model that people who have not chosen one begin with; "" for none in particular."""
    with transaction.atomic():
        site_settings = lock_site_settings()
        site_settings.default_model = name
        site_settings.save(update_fields=["default_model"])
    logger.info("%s made %s the default model", by.pk, name or "none")


def check_new_name(name: str) -> list[InstalledModel]:
    """Raises ModelChangeRefused for what is no model's name, or the name of an installed model. Returns those."""
    key = model_key(name)
    if not key or len(name) > LONGEST_NAME:
        raise ModelChangeRefused(
            _("This is no name for a model. Use letters, digits, “-”, “_” and “.”, for example my-model:latest.")
        )
    installed = installed_models()
    if find_by_name(installed, name) is not None:
        raise ModelChangeRefused(_("A model called “%(model)s” is there already.") % {"model": name})
    return installed


def stored_name(name: str) -> str:
    """As the runtime lists it, with its tag."""
    found = find_by_name(installed_models(), name)
    return found.name if found is not None else name


@transaction.atomic
def _follow_rename(old: str, new: str) -> None:
    Conversation.objects.filter(model=old).update(model=new)
    Message.objects.filter(model=old).update(model=new)
    site_settings = lock_site_settings()
    if site_settings.default_model == old:
        site_settings.default_model = new
        site_settings.save(update_fields=["default_model"])


def _delete(name: str) -> None:
    try:
        call("DELETE", "/api/delete", {"model": name})
    except RuntimeFailure as failure:
        # Somebody else was faster: what was wanted is so.
        if failure.code != "model_not_found":
            raise
    forget_model(name)


def forget_model(name: str) -> None:
    """The model is gone from the runtime: so is what was decided about it."""
    forget_list()
    with transaction.atomic():
        forget_access(name)
        site_settings = lock_site_settings()
        if model_key(site_settings.default_model) == model_key(name) != "":
            site_settings.default_model = ""
            site_settings.save(update_fields=["default_model"])
