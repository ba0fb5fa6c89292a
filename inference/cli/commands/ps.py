"""`hearth ps [PREFIX]`"""

from datetime import UTC, datetime
from typing import Any

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.figures import human_bytes, human_time, read_time
from inference.cli.table import print_table


@declare("ps", "[PREFIX]", least=0, most=1)
def command(words: tuple[str, ...]) -> None:
    prefix = words[0].lower() if words else ""
    models = [model for model in Client().get("/api/ps")["models"] if str(model["name"]).lower().startswith(prefix)]
    print_table(("NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"), [_row(model) for model in models])


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    size = int(model["size"])
    return (
        str(model["name"]),
        str(model["digest"])[:12],
        human_bytes(size),
        processor(size, int(model.get("size_vram", 0))),
        str(model.get("context_length", "")),
        until(read_time(str(model.get("expires_at", "")))),
    )


def processor(size: int, size_vram: int) -> str:
    """Where the model lies: in the machine's memory, in the GPU's, or in both."""
    if size_vram == 0:
        return "100% CPU"
    if size_vram == size:
        return "100% GPU"
    if size == 0 or size_vram > size:
        return "Unknown"
    cpu = round((size - size_vram) / size * 100)
    return f"{cpu}%/{100 - cpu}% CPU/GPU"


def until(expires_at: datetime | None, *, now: datetime | None = None) -> str:
    if expires_at is None:
        return "Never"
    moment = now or datetime.now(UTC)
    return "Stopping..." if expires_at < moment else human_time(expires_at, now=moment)
