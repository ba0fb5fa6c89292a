"""`hearth list [PREFIX]`"""

from typing import Any

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.figures import human_bytes, human_time, read_time
from inference.cli.table import print_table


@declare("list", "[PREFIX]", least=0, most=1)
def command(words: tuple[str, ...]) -> None:
    print_models(Client(), words[0] if words else "")


def print_models(client: Client, prefix: str = "") -> None:
    models = client.get("/api/tags")["models"]
    rows = [_row(model) for model in models if str(model["name"]).lower().startswith(prefix.lower())]
    print_table(("NAME", "ID", "SIZE", "MODIFIED"), rows)


def _row(model: dict[str, Any]) -> tuple[str, str, str, str]:
    modified = human_time(read_time(str(model.get("modified_at", ""))))
    return str(model["name"]), str(model["digest"])[:12], human_bytes(int(model["size"])), modified
