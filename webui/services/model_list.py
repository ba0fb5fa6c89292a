"""The models page's list: the installed models as an administrator asked to see them, with what was decided about each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webui.enums import Audience
from webui.models import ModelAccess, SiteSettings
from webui.services.installed_models import InstalledModel
from webui.services.model_access import accesses_of
from webui.services.model_loading import Loading, loading_states
from webui.services.model_names import model_key

_ORDERS: dict[str, Callable[["ListedModel"], Any]] = {
    "name": lambda listed: listed.model.name.casefold(),
    "newest": lambda listed: -(listed.model.modified_at.timestamp() if listed.model.modified_at else 0),
    "largest": lambda listed: -listed.model.size_bytes,
    "smallest": lambda listed: listed.model.size_bytes,
    "family": lambda listed: listed.model.family.casefold(),
    "loaded": lambda listed: not listed.model.is_loaded,
}


@dataclass(frozen=True)
class ListedModel:
    model: InstalledModel
    access: ModelAccess | None
    loading: Loading | None
    is_default: bool

    @property
    def is_enabled(self) -> bool:
        return self.access is None or self.access.is_enabled

    @property
    def is_restricted(self) -> bool:
        return self.access is not None and self.access.audience != Audience.EVERYONE


def listed_models(models: list[InstalledModel]) -> list[ListedModel]:
    """Two queries, however many models."""
    accesses, loading = accesses_of(models), loading_states()
    default = model_key(SiteSettings.load().default_model)
    return [
        ListedModel(model, accesses.get(model.name), loading.get(model.name), default == model_key(model.name) != "")
        for model in models
    ]


def choose(
    listed: list[ListedModel], *, query: str = "", capability: str = "", state: str = "", sort: str = ""
) -> list[ListedModel]:
    """Those that fit every wish, in the order asked for; equal ones by name."""
    words = query.casefold().split()
    found = [one for one in listed if _has_words(one.model, words) and _fits(one, capability, state)]
    by_name = sorted(found, key=_ORDERS["name"])
    return sorted(by_name, key=_ORDERS.get(sort, _ORDERS["name"]))


def _has_words(model: InstalledModel, words: list[str]) -> bool:
    text = f"{model.name} {model.family} {model.parameter_size} {model.quantization}".casefold()
    return all(word in text for word in words)


def _fits(listed: ListedModel, capability: str, state: str) -> bool:
    if capability and capability not in listed.model.capabilities:
        return False
    states = {"loaded": listed.model.is_loaded, "disabled": not listed.is_enabled, "restricted": listed.is_restricted}
    return states.get(state, True)
