"""Loading a model into memory on an administrator's word. It goes on when the page is closed; every page sees how far it is.

Used from views' threads; the work is done on the event loop, where there is one.
"""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from webui.services.errors import RuntimeFailure
from webui.services.event_loop import call_on_loop
from webui.services.inference_client import ChatRequest, inference_client
from webui.services.inference_events import Progress
from webui.services.installed_models import InstalledModel
from webui.services.models import forget_list
from webui.services.runtime_api import call

logger = logging.getLogger(__name__)
#: Seconds: as long as a large model may take to come from a slow disk.
LONGEST_LOAD = 600.0
KeepAlive = str | int | None


@dataclass(frozen=True)
class Loading:
    """`fraction` is 0 to 1, None while nothing is known; `error` is a sentence once it has failed."""

    fraction: float | None = None
    error: str = ""


_states: dict[str, Loading] = {}
_tasks: dict[str, asyncio.Task[None]] = {}


def loading_states() -> dict[str, Loading]:
    """By model name: what is being loaded, and what could not be until somebody tries again."""
    return dict(_states)


def start_loading(model: InstalledModel, *, keep_alive: KeepAlive = None) -> None:
    """Begins, or goes on with what was begun. `keep_alive` as in Ollama's API: -1 keeps the model until it is unloaded.

    Raises RuntimeFailure only where there is no event loop, and the load is waited for.
    """
    _states[model.name] = Loading()
    if call_on_loop(_start, model, keep_alive, translation.get_language() or "en"):
        return
    try:
        _load_and_wait(model, keep_alive)
    finally:
        _states.pop(model.name, None)


def cancel_loading(name: str) -> None:
    """Stops waiting for the model and has it unloaded; forgets why it could not be loaded."""
    call_on_loop(_cancel, name)
    _states.pop(name, None)
    unload_model(name)


def unload_model(name: str) -> None:
    """Frees its memory as soon as the answers that are being written are complete. Raises RuntimeFailure."""
    _states.pop(name, None)
    call("POST", "/api/generate", {"model": name, "keep_alive": 0, "stream": False})
    forget_list()


def _start(model: InstalledModel, keep_alive: KeepAlive, language: str) -> None:
    if model.name not in _tasks:
        task = _tasks[model.name] = asyncio.get_running_loop().create_task(_load(model, keep_alive, language))
        task.add_done_callback(lambda _ended: _tasks.pop(model.name, None))


def _cancel(name: str) -> None:
    if task := _tasks.get(name):
        task.cancel()


async def _load(model: InstalledModel, keep_alive: KeepAlive, language: str) -> None:
    try:
        with translation.override(language):
            if model.can_chat:
                await _load_with_progress(model, keep_alive)
            else:
                await asyncio.to_thread(_load_and_wait, model, keep_alive)
        _states.pop(model.name, None)
    except RuntimeFailure as failure:
        _states[model.name] = Loading(error=failure.sentence)
    except asyncio.CancelledError:
        _states.pop(model.name, None)
        raise
    except Exception:
        logger.exception("Loading %s broke", model.name)
        with translation.override(language):
            _states[model.name] = Loading(error=_("Something went wrong on the server. Its log says what."))
    finally:
        forget_list()


async def _load_with_progress(model: InstalledModel, keep_alive: KeepAlive) -> None:
    """A chat without messages only loads."""
    request = ChatRequest(model.name, [], keep_alive=keep_alive)
    async with aclosing(inference_client().chat(request)) as events:
        async for event in events:
            if isinstance(event, Progress) and event.stage == "loading":
                _states[model.name] = Loading(event.fraction)


def _load_and_wait(model: InstalledModel, keep_alive: KeepAlive) -> None:
    wish = {} if keep_alive is None else {"keep_alive": keep_alive}
    path = "/api/generate" if model.can_chat else "/api/embed"
    nothing: dict[str, Any] = {"stream": False} if model.can_chat else {"input": []}
    call("POST", path, {"model": model.name, **nothing, **wish}, timeout=LONGEST_LOAD)
    forget_list()
