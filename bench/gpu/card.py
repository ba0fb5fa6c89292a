"""What the driver says of the card, asked through nvidia-smi."""

import subprocess
import time
from dataclasses import dataclass

MIB = 1024**2
_FIELDS = "name,driver_version,memory.total,memory.used,memory.free"


@dataclass(frozen=True)
class Card:
    """Bytes."""

    name: str
    driver: str
    total: int
    used: int
    free: int


def card(index: int = 0) -> Card:
    """Raises `OSError` or `subprocess.CalledProcessError` where there is no driver."""
    command = ["nvidia-smi", f"--id={index}", f"--query-gpu={_FIELDS}", "--format=csv,noheader,nounits"]
    name, driver, *figures = subprocess.check_output(command, text=True, timeout=60).strip().split(", ")
    total, used, free = (int(figure) * MIB for figure in figures)
    return Card(name, driver, total, used, free)


def settled_use() -> int:
    """Bytes in use once that no longer falls: what a process held comes back a moment after its end."""
    used = card().used
    for _ in range(20):
        time.sleep(0.2)
        now = card().used
        if now >= used:
            return now
        used = now
    return used


def settled_free() -> int:
    settled_use()
    return card().free
