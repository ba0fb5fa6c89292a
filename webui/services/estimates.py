"""Before a model is fetched: its size, whether it fits this machine, and about how fast it will write here."""

import math
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from webui.services.errors import RuntimeFailure, failure_from_code
from webui.services.runtime_api import call
from webui.templatetags.figures import decimal_size

#: Seconds: a registry may be asked, and this machine is measured when nobody has before.
PATIENCE = 30.0


@dataclass(frozen=True)
class Estimate:
    """Bytes; 0 where nobody knows. `tokens_per_second` is None for models that write no text."""

    download_bytes: int
    memory_bytes: int
    fits: bool
    short_bytes: int
    disk_short_bytes: int
    tokens_per_second: float | None
    parameters: int = 0
    quantization: str = ""
    context: int = 0
    is_installed: bool = False

    @property
    def is_good(self) -> bool:
        return self.fits and not self.disk_short_bytes

    @property
    def verdict(self) -> str:
        """What it comes down to, in a few words."""
        if not self.fits:
            return _("needs %(size)s more memory") % {"size": decimal_size(self.short_bytes)}
        if self.disk_short_bytes:
            return _("needs %(size)s more disk") % {"size": decimal_size(self.disk_short_bytes)}
        if not self.tokens_per_second:
            return _("fits")
        speed = self.tokens_per_second
        return _("fits, about %(speed)s tokens/s") % {"speed": number_format(speed, 1 if speed < 2 else 0)}


@dataclass(frozen=True)
class Machine:
    """What this machine has, in bytes; 0 where it cannot be told."""

    cores: int
    memory_total: int
    memory_free: int
    disk_free: int
    gpus: tuple[str, ...] = ()


def estimate_of(name: str, *, insecure: bool = False) -> Estimate:
    """Asks the model's registry. Raises RuntimeFailure."""
    try:
        return read_estimate(call("POST", "/api/hearth/estimate", {"model": name, "insecure": insecure}, timeout=PATIENCE))
    except RuntimeFailure as failure:
        if failure.code != "model_not_found":
            raise
        # Installed or not was not the question.
        raise failure_from_code("not_in_registry", "", name) from None


def machine() -> Machine:
    """Raises RuntimeFailure."""
    told = call("GET", "/api/hearth/machine", timeout=PATIENCE)
    told = told if isinstance(told, dict) else {}
    gpus = told.get("gpus")
    cards = [gpu for gpu in gpus if isinstance(gpu, dict)] if isinstance(gpus, list) else []
    names = [str(gpu.get("description") or gpu.get("name", ""))[:100] for gpu in cards]
    return Machine(
        cores=_count(told.get("cores")),
        memory_total=_count(told.get("memory_total")),
        memory_free=_count(told.get("memory_free")),
        disk_free=_count(told.get("disk_free")),
        gpus=tuple(name for name in names if name),
    )


def read_estimate(told: Any) -> Estimate:
    """From the runtime's JSON; what is missing counts as not known."""
    fields: dict[str, Any] = told if isinstance(told, dict) else {}
    speed = fields.get("tokens_per_second")
    is_speed = isinstance(speed, int | float) and not isinstance(speed, bool) and math.isfinite(speed) and speed > 0
    quantization = fields.get("quantization")
    return Estimate(
        download_bytes=_count(fields.get("download_bytes")),
        memory_bytes=_count(fields.get("memory_bytes")),
        fits=fields.get("fits") is True,
        short_bytes=_count(fields.get("short_bytes")),
        disk_short_bytes=_count(fields.get("disk_short_bytes")),
        tokens_per_second=float(speed) if is_speed else None,  # type: ignore[arg-type]
        parameters=_count(fields.get("parameters")),
        quantization=quantization[:20] if isinstance(quantization, str) else "",
        context=_count(fields.get("context")),
        is_installed=fields.get("installed") is True,
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0
