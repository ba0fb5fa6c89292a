"""Model files that lie on the server, in the runtime's import folder, as the runtime reads their headers."""

from dataclasses import dataclass
from typing import Any

from webui.services.inference_events import plain_text
from webui.services.runtime_api import call

PATIENCE = 30.0


@dataclass(frozen=True)
class ServerFile:
    """`model` is the name it can be used under as it lies, "" where it cannot; `error` says why."""

    name: str
    size: int
    num_files: int
    model: str
    error: str
    facts: tuple[str, ...]

    @property
    def is_model(self) -> bool:
        return bool(self.model)


def list_server_files() -> list[ServerFile]:
    """Raises RuntimeFailure."""
    answer = call("GET", "/api/hearth/files", timeout=PATIENCE)
    listed = answer.get("files") if isinstance(answer, dict) else None
    return [_file(entry) for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _file(entry: dict[str, Any]) -> ServerFile:
    told = entry.get("details")
    details: dict[str, Any] = told if isinstance(told, dict) else {}
    facts = (details.get(name) for name in ("family", "parameter_size", "quantization_level"))
    return ServerFile(
        name=plain_text(entry.get("name"))[:500],
        size=_count(entry.get("size")),
        num_files=_count(entry.get("num_files")) or 1,
        model=plain_text(entry.get("model"))[:255],
        error=plain_text(entry.get("error"))[:500],
        facts=tuple(text for fact in facts if (text := plain_text(fact)[:100])),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0
