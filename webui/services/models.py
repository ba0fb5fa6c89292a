"""The models a person can choose from, as the runtime lists them."""

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from webui.models import Conversation, SiteSettings, User
from webui.services.inference_client import endpoint
from webui.services.inference_events import plain_text
from webui.services.runtime_status import read_runtime_status, unavailable_sentence

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)
#: Seconds: a page that waits for the runtime longer than this is shown without its models.
TIMEOUT = 1.5
#: Seconds for which a list is shown again without asking.
FRESH = 2.0


@dataclass(frozen=True)
class ModelChoice:
    """One line of the picker. `parameter_size` and `quantization` are the runtime's words, e.g. "135M" and "Q4_1"."""

    name: str
    size_bytes: int
    parameter_size: str
    quantization: str
    is_loaded: bool


@dataclass(frozen=True)
class ModelList:
    """`error` is a sentence where the runtime could not be asked."""

    models: list[ModelChoice] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class ModelPicker:
    models: list[ModelChoice]
    selected: str
    error: str


_lock = threading.Lock()
_cached: tuple[float, str, ModelList] | None = None


def list_models() -> ModelList:
    """Installed models by name, at most `FRESH` seconds old. Asks the runtime from the calling thread."""
    global _cached
    began = time.monotonic()
    with _lock:
        if _cached is not None and _cached[1] == settings.INFERENCE_URL:
            came, _url, known = _cached
            # A failure is for those who waited for it together, not one after the other; whoever comes later asks anew.
            if came >= began if known.error else time.monotonic() - came < FRESH:
                return known
        models = _ask_runtime()
        _cached = (time.monotonic(), settings.INFERENCE_URL, models)
        return models


def model_picker(user: User, *, wanted: str = "", conversation: Conversation | None = None) -> ModelPicker:
    """The picker with the model chosen that is asked for, or the conversation's, the person's last one, the site's, or any."""
    listed = list_models()
    installed = [choice.name for choice in listed.models]
    selected = wanted or (conversation.model if conversation else "")
    if not selected:
        last_used = Conversation.objects.filter(owner=user).values_list("model", flat=True).first() or ""
        candidates = [last_used, SiteSettings.load().default_model]
        selected = next((name for name in candidates if name in installed), installed[0] if installed else last_used)
    return ModelPicker(listed.models, selected, listed.error)


def runtime_answers(timeout_seconds: float = 0.5) -> bool:
    """Whether something answers at the runtime's address."""
    if not _is_there():
        return False
    import httpx

    try:
        with _http_client(timeout_seconds) as client:
            return client.get("/api/version").is_success
    except httpx.HTTPError:
        return False


def _http_client(timeout_seconds: float) -> "httpx.Client":
    import httpx

    base_url, socket_path = endpoint()
    # trust_env off: the transport is given, and a proxy from the environment is for other things.
    transport = httpx.HTTPTransport(uds=socket_path)
    return httpx.Client(base_url=base_url, transport=transport, timeout=timeout_seconds, trust_env=False)


def _is_there() -> bool:
    """False where not even the runtime's socket file exists: no need to import an HTTP client to learn that."""
    socket_path = endpoint()[1]
    return socket_path is None or Path(socket_path).exists()


def _ask_runtime() -> ModelList:
    if not _is_there():
        return ModelList(error=unavailable_sentence(read_runtime_status()))
    import httpx

    try:
        with _http_client(TIMEOUT) as client:
            installed = client.get("/api/tags").raise_for_status().json()
            loaded = client.get("/api/ps").raise_for_status().json()
        return ModelList(_choices(installed, {str(model["name"]) for model in loaded["models"]}))
    except httpx.HTTPError:
        return ModelList(error=unavailable_sentence(read_runtime_status()))
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError):
        logger.exception("The runtime's list of models could not be read")
        return ModelList(error=unavailable_sentence(read_runtime_status()))


def _choices(installed: dict[str, Any], loaded: set[str]) -> list[ModelChoice]:
    choices = []
    for model in installed["models"]:
        details = model.get("details") or {}
        choices.append(
            ModelChoice(
                name=plain_text(str(model["name"])),
                size_bytes=int(model.get("size") or 0),
                parameter_size=plain_text(str(details.get("parameter_size") or "")),
                quantization=plain_text(str(details.get("quantization_level") or "")),
                is_loaded=str(model["name"]) in loaded,
            )
        )
    return sorted(choices, key=lambda choice: choice.name)
