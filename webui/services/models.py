"""The models a person can choose from, as the runtime lists them."""

import logging
import threading
import time
from dataclasses import dataclass, field

from django.conf import settings

from webui.models import Conversation, SiteSettings, User
from webui.services.errors import RuntimeFailure
from webui.services.installed_models import InstalledModel, find_by_name, installed_models
from webui.services.model_access import usable_models
from webui.services.runtime_status import read_runtime_status, unavailable_sentence

logger = logging.getLogger(__name__)
#: Seconds: a page that waits for the runtime longer than this is shown without its models.
TIMEOUT = 1.5
#: Seconds for which a list is shown again without asking.
FRESH = 2.0


@dataclass(frozen=True)
class ModelList:
    """`error` is a sentence where the runtime could not be asked."""

    models: list[InstalledModel] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class ModelPicker:
    """`has_others`: models are installed, but this person may chat with none of them. `wants_thinking`: whether the switch for
    thinking, which only models that can think have, is on."""

    models: list[InstalledModel]
    selected: str
    error: str
    has_others: bool = False
    wants_thinking: bool = False

    @property
    def offers_thinking(self) -> bool:
        return any(model.can_think for model in self.models)


_lock = threading.Lock()
_cached: tuple[float, str, ModelList] | None = None


def list_models(*, max_age: float = FRESH) -> ModelList:
    """Installed models by name, at most `max_age` seconds old. Asks the runtime from the calling thread."""
    global _cached
    began = time.monotonic()
    with _lock:
        if _cached is not None and _cached[1] == settings.INFERENCE_URL:
            came, _url, known = _cached
            # A failure is for those who waited for it together, not one after the other; whoever comes later asks anew.
            if came >= began or (not known.error and time.monotonic() - came < max_age):
                return known
        models = _ask_runtime()
        _cached = (time.monotonic(), settings.INFERENCE_URL, models)
        return models


def forget_list() -> None:
    """Something about the models has just changed: the next page asks anew."""
    global _cached
    with _lock:
        _cached = None


def can_think(name: str) -> bool:
    """Whether a model of that name, in any spelling, is installed and can think before it answers."""
    model = find_by_name(list_models().models, name)
    return model is not None and model.can_think


def model_picker(user: User, *, wanted: str = "", conversation: Conversation | None = None) -> ModelPicker:
    """The models that `user` may chat with, and of these the one that is asked for, or the conversation's, the person's last
    one, the site's, or any. Thinking is as in the conversation, or as the person had it last."""
    listed = list_models()
    models = [model for model in usable_models(user, listed.models) if model.can_chat]
    installed = [model.name for model in models]
    if conversation is not None:
        last_used, wants_thinking = conversation.model, conversation.wants_thinking
    else:
        last = Conversation.objects.filter(owner=user).values_list("model", "wants_thinking").first()
        last_used, wants_thinking = last or ("", False)
    selected = wanted or (conversation.model if conversation else "")
    if not selected:
        candidates = [last_used, SiteSettings.load().default_model]
        selected = next((name for name in candidates if name in installed), installed[0] if installed else last_used)
    has_others = not models and bool(listed.models)
    return ModelPicker(models, selected, listed.error, has_others=has_others, wants_thinking=wants_thinking)


def _ask_runtime() -> ModelList:
    try:
        return ModelList(installed_models(TIMEOUT))
    except RuntimeFailure as failure:
        return ModelList(error=failure.sentence)
    except (ValueError, TypeError):
        logger.exception("The runtime's list of models could not be read")
        return ModelList(error=unavailable_sentence(read_runtime_status()))
