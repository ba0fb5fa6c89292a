"""What the supervisor says about the runtime it watches, and the sentence a person reads when the runtime does not answer."""

import json
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.utils.translation import gettext as _

from webui.paths import inference_socket_path, inference_status_path

State = Literal["starting", "ready", "restarting", "failed", "unknown"]
_STATES: dict[str, State] = {"starting": "starting", "ready": "ready", "restarting": "restarting", "failed": "failed"}


@dataclass(frozen=True)
class RuntimeStatus:
    """`unknown` where no supervisor watches the runtime in use, e.g. one on another machine."""

    state: State = "unknown"
    cause: str = ""

    @property
    def is_coming(self) -> bool:
        return self.state in {"starting", "restarting"}


def read_runtime_status() -> RuntimeStatus:
    if f"unix:{inference_socket_path()}" != settings.INFERENCE_URL:
        return RuntimeStatus()
    try:
        stored = json.loads(inference_status_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return RuntimeStatus()
    if not isinstance(stored, dict):
        return RuntimeStatus()
    return RuntimeStatus(_STATES.get(str(stored.get("state")), "unknown"), str(stored.get("cause") or ""))


def unavailable_sentence(status: RuntimeStatus) -> str:
    """Why nothing answers, for the person who asked."""
    if status.state == "failed":
        cause = status.cause or _("no cause was reported")
        return _("The model runtime could not start: %(cause)s") % {"cause": cause}
    if status.state == "starting":
        return _("The model runtime is starting. Try again in a moment.")
    if status.state == "restarting":
        return _("The model runtime is restarting. Try again in a moment.")
    return _("The model runtime does not answer. Try again; if it stays like this, tell whoever runs this server.")
