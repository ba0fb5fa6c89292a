"""The models that the runtime has installed, with what is known of each and which of them are loaded.

Everything here was written by others (a registry, a file's header, another runtime): it is read field by field, and what has
not the form it should have counts as not told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from webui.services.inference_events import plain_text
from webui.services.model_names import model_key
from webui.services.runtime_api import TIMEOUT, call

#: A keep-alive that ends later than this was asked to last for ever: Ollama says so with a date some 300 years ahead.
_EVER = timedelta(days=365 * 50)
_LONGEST_TEXT = 255


@dataclass(frozen=True)
class LoadedState:
    """`size_bytes` of memory in all, `device_bytes` of them on graphics cards; `seconds_left` until the model is unloaded if
    nobody uses it, None for never."""

    size_bytes: int
    device_bytes: int
    context_length: int
    seconds_left: int | None


@dataclass(frozen=True)
class InstalledModel:
    """`parameter_size` and `quantization` are the runtime's words, e.g. "135M" and "Q4_1"; `context_length` in tokens is what
    the model was trained for, 0 where nobody told; `weights` is the digest of its weights, "" where nobody told; `loaded` is
    None while the model is not in memory; `is_linked` says that it lies in the import folder."""

    name: str
    digest: str = ""
    weights: str = ""
    size_bytes: int = 0
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    context_length: int = 0
    capabilities: tuple[str, ...] = ()
    modified_at: datetime | None = None
    loaded: LoadedState | None = None
    is_linked: bool = False

    @property
    def is_loaded(self) -> bool:
        return self.loaded is not None

    @property
    def anchor(self) -> str:
        """For ids in pages, which names with their `/` and `:` do not suit."""
        return sha256(self.name.encode()).hexdigest()[:12]

    @property
    def can_chat(self) -> bool:
        """False where the runtime says what the model is for and chatting is not among it."""
        return not self.capabilities or "completion" in self.capabilities

    @property
    def can_think(self) -> bool:
        """Only where the runtime says so: a model that cannot think refuses to be asked."""
        return "thinking" in self.capabilities


def installed_models(timeout: float = TIMEOUT) -> list[InstalledModel]:
    """By name. Raises what `runtime_api.call` raises, and ValueError or TypeError where the answer is no list of models."""
    listed = _models(call("GET", "/api/tags", timeout=timeout))
    states = {str(entry["name"]): _loaded(entry) for entry in _models(call("GET", "/api/ps", timeout=timeout))}
    return sorted((_installed(entry, states) for entry in listed), key=lambda model: model.name)


def find_by_name(models: Sequence[InstalledModel], name: str) -> InstalledModel | None:
    """The model of that name, in any spelling."""
    key = model_key(name)
    return next((model for model in models if key and model_key(model.name) == key), None)


def _models(answer: Any) -> list[dict[str, Any]]:
    found = answer["models"] if isinstance(answer, dict) and "models" in answer else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) and entry.get("name") for entry in found):
        raise ValueError("not a list of models")
    return found


def _installed(entry: dict[str, Any], states: dict[str, LoadedState]) -> InstalledModel:
    told = entry.get("details")
    details: dict[str, Any] = told if isinstance(told, dict) else {}
    said = entry.get("hearth")
    additions: dict[str, Any] = said if isinstance(said, dict) else {}
    capabilities = entry.get("capabilities")
    return InstalledModel(
        name=_text(str(entry["name"])),
        digest=_text(entry.get("digest")),
        weights=_text(additions.get("weights")),
        size_bytes=_count(entry.get("size")),
        family=_text(details.get("family")),
        parameter_size=_text(details.get("parameter_size")),
        quantization=_text(details.get("quantization_level")),
        context_length=_count(details.get("context_length")),
        capabilities=tuple(_text(word) for word in capabilities) if isinstance(capabilities, list) else (),
        modified_at=_time(entry.get("modified_at")),
        loaded=states.get(str(entry["name"])),
        is_linked=additions.get("linked") is True,
    )


def _loaded(entry: dict[str, Any]) -> LoadedState:
    expires_at = _time(entry.get("expires_at"))
    left = expires_at - datetime.now(UTC) if expires_at is not None else _EVER
    return LoadedState(
        size_bytes=_count(entry.get("size")),
        device_bytes=_count(entry.get("size_vram")),
        context_length=_count(entry.get("context_length")),
        seconds_left=None if left >= _EVER else max(0, int(left.total_seconds())),
    )


def _text(value: object) -> str:
    return plain_text(value)[:_LONGEST_TEXT]


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
