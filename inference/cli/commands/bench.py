"""`hearth bench MODEL…`"""

from typing import Any

from inference.cli.client import Client
from inference.cli.command import declare
from inference.cli.completing import complete_models
from inference.cli.figures import human_bytes
from inference.cli.jobs import run_job
from inference.cli.table import print_table


@declare("bench", "MODEL [MODEL...]", least=1, most=None, completes=complete_models)
def command(words: tuple[str, ...]) -> None:
    client = Client()
    results = [run_job(client, "bench", name) for name in words]
    print_table(("NAME", "QUANTIZATION", "SIZE", "MEMORY", "PREFILL", "DECODE"), [_row(result) for result in results])


def _row(result: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(result["model"]),
        str(result["quantization"]),
        human_bytes(int(result["size"])),
        human_bytes(int(result["memory_bytes"])),
        tokens_per_second(result["prefill"]),
        tokens_per_second(result["decode"]),
    )


def tokens_per_second(speed: float | None) -> str:
    """Three digits are more than such a measurement is worth."""
    if speed is None:
        return "-"
    return f"{speed:.0f} tokens/s" if speed >= 100 else f"{speed:.1f} tokens/s"
