"""Changing how a model answers. The weights stay as they are: a model is made anew from itself, or another one beside it."""

import logging
from collections.abc import Mapping
from typing import Any

from webui.models import User
from webui.services.errors import RuntimeFailure
from webui.services.model_access import copy_access, forget_access
from webui.services.model_changes import check_new_name, stored_name
from webui.services.models import forget_list
from webui.services.runtime_api import call

logger = logging.getLogger(__name__)
#: Seconds: no weights are written, but a busy disk may be slow.
_LONGEST = 120.0


def save_behaviour(
    name: str,
    *,
    by: User,
    system: str | None = None,
    template: str | None = None,
    parameters: Mapping[str, Any],
    new_name: str = "",
) -> str:
    """Returns the name of the model that was changed or made. None leaves a text as it is, "" takes it away; so does None with
    a parameter. Answers that are being written end as they began.

    Raises:
        ModelChangeRefused: `new_name` is none or is taken.
        RuntimeFailure: the runtime refuses, with a sentence that says why.
    """
    changes: dict[str, Any] = {"parameters": dict(parameters)} if parameters else {}
    changes |= {key: text for key, text in (("system", system), ("template", template)) if text is not None}
    if new_name:
        return _save_as(name, new_name, changes, by)
    if changes:
        _create(name, name, changes)
        logger.info("%s changed %s of the model %s", by.pk, ", ".join(changes), name)
    return name


def _save_as(name: str, new_name: str, changes: dict[str, Any], by: User) -> str:
    check_new_name(new_name)
    # First, so that what is made from a restricted model is never open to everyone.
    copy_access(name, new_name)
    try:
        _create(new_name, name, changes)
    except RuntimeFailure:
        forget_access(new_name)
        raise
    logger.info("%s made the model %s from %s", by.pk, new_name, name)
    return stored_name(new_name)


def _create(name: str, base: str, changes: dict[str, Any]) -> None:
    call("POST", "/api/create", {"model": name, "from": base, "stream": False, **changes}, timeout=_LONGEST)
    forget_list()
