"""What a Modelfile says, as a value. `reader` makes it from text, `writer` makes text of it."""

from dataclasses import dataclass, field
from typing import Any

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, kw_only=True)
class Modelfile:
    """Paths and names stand as they were written: what they are relative to is the reader's business."""

    #: FROM: a model's name, or paths of files or folders; a projector may stand beside the model.
    sources: list[str] = field(default_factory=list)
    adapters: list[str] = field(default_factory=list)
    #: DRAFT: models that guess ahead.
    drafts: list[str] = field(default_factory=list)
    #: By Ollama's names, each with a value of its type.
    parameters: dict[str, Any] = field(default_factory=dict)
    template: str | None = None
    system: str | None = None
    licenses: list[str] = field(default_factory=list)
    #: `{"role": …, "content": …}`
    messages: list[dict[str, str]] = field(default_factory=list)
    renderer: str | None = None
    parser: str | None = None
    requires: str | None = None
