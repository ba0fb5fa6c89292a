"""Models that are made, copied and deleted through the API: who may use them follows, as it does on the pages."""

import dataclasses
import logging
from dataclasses import dataclass
from enum import Enum

from inference.errors import InvalidRequest
from inference.library.names import InvalidName, parse_name
from webui.api.named_models import Named
from webui.api.refusals import unreadable
from webui.services.api_keys import KeyHolder
from webui.services.model_access import Decided, copy_access, decided_about, restore_access
from webui.services.model_changes import forget_model
from webui.services.model_names import model_key
from webui.services.models import forget_list

logger = logging.getLogger(__name__)


class Outcome(Enum):
    DONE = 1
    FAILED = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class Change:
    """`destination` comes of `source`, or `deleted` goes; "" for what is not known or not so."""

    source: str = ""
    destination: str = ""
    deleted: str = ""


def change_of(path: str, named: Named) -> Change:
    """What a request asks for. Raises Refusal where it says two things at once."""
    if path == "/api/copy":
        return Change(_only(named, "source"), _only(named, "destination"))
    if path == "/api/delete":
        return Change(deleted=_only(named, "model", "name"))
    kinds = set(named.texts("kind")) if path == "/api/hearth/jobs" else {"create"}
    if "create" in kinds:
        return Change(_only(named, "from"), _only(named, "model", "name"))
    if "optimise" in kinds:
        source = _only(named, "model", "name")
        return Change(source, _only(named, "destination") or _fast_name(source))
    return Change()


def prepare(change: Change) -> Decided | None:
    """Before it is asked for, so that what is made of a restricted model is at no moment open to everyone. Returns what was
    decided before, None where there is nothing to follow."""
    source, destination = model_key(change.source), model_key(change.destination)
    if not source or not destination or source == destination:
        return None
    before = decided_about(change.destination)
    if decided_about(change.source).audience:
        copy_access(change.source, change.destination)
    return before


def settle(change: Change, before: Decided | None, outcome: Outcome, *, by: KeyHolder) -> None:
    """Afterwards. Where the end is not known, because a connection broke, a model stays as restricted as it was made."""
    forget_list()
    if outcome is Outcome.FAILED and before is not None:
        restore_access(change.destination, before)
    if outcome is not Outcome.DONE:
        return
    if before is not None:
        copy_access(change.source, change.destination)
    if change.deleted:
        forget_model(change.deleted)
        logger.info("%s deleted the model %s with the API key %s", by.user.pk, change.deleted, by.key_id)
    elif change.destination:
        made_of = f" from {change.source}" if change.source else ""
        logger.info("%s made the model %s%s with the API key %s", by.user.pk, change.destination, made_of, by.key_id)


def _only(named: Named, *fields: str) -> str:
    texts = named.texts(*fields)
    if len({model_key(text) or text for text in texts}) > 1:
        raise unreadable(InvalidRequest(f"the request names more than one model in {' and '.join(fields)}", fields[0]))
    return texts[0] if texts else ""


def _fast_name(source: str) -> str:
    """As the runtime names what comes of an optimisation."""
    try:
        name = parse_name(source)
    except InvalidName:
        return ""
    return str(dataclasses.replace(name, tag=f"{name.tag[:75]}-fast"))
