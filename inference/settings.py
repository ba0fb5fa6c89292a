"""Every environment variable the runtime reads, once, into a frozen value. Malformed values are refused by name."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inference.address import Address, parse_address
from inference.durations import keep_alive_seconds, parse_duration

_LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(Exception):
    """A variable holds a value the runtime cannot use; the text is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Durations in seconds; `math.inf` is without end."""

    data_dir: Path
    models_dir: Path
    address: Address
    keep_alive: float = 300.0
    load_timeout: float = 300.0
    #: Requests one loaded model answers at the same time.
    num_parallel: int = 4
    max_loaded_models: int = 3
    #: Requests that may wait, over all models.
    max_queue: int = 512
    #: Context of one request, in tokens, when neither it nor its model says.
    context_length: int = 4096
    max_gap_ms: int = 150
    log_level: int = logging.INFO

    @property
    def run_dir(self) -> Path:
        return self.data_dir / "run"

    @property
    def socket_path(self) -> Path:
        return self.run_dir / "inference.sock"


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises `SettingsError` naming the first variable that cannot be used."""
    reader = _Reader(environ)
    data_dir = reader.path("HEARTH_DATA", Path("data"))
    load_timeout = reader.duration("OLLAMA_LOAD_TIMEOUT", 300.0)
    return Settings(
        data_dir=data_dir,
        models_dir=reader.path("OLLAMA_MODELS", data_dir / "models"),
        address=parse_address(environ.get("OLLAMA_HOST", "")),
        keep_alive=keep_alive_seconds(reader.duration("OLLAMA_KEEP_ALIVE", 300.0)),
        load_timeout=load_timeout if load_timeout > 0 else math.inf,
        num_parallel=reader.integer("OLLAMA_NUM_PARALLEL", 4, minimum=1, maximum=256, zero_is_default=True),
        max_loaded_models=reader.integer("OLLAMA_MAX_LOADED_MODELS", 3, minimum=1, maximum=1000, zero_is_default=True),
        max_queue=reader.integer("OLLAMA_MAX_QUEUE", 512, minimum=1, maximum=100_000),
        context_length=reader.integer("OLLAMA_CONTEXT_LENGTH", 4096, minimum=4, maximum=2**24, zero_is_default=True),
        max_gap_ms=reader.integer("HEARTH_MAX_GAP_MS", 150, minimum=1, maximum=60_000),
        log_level=reader.log_level("HEARTH_LOG_LEVEL"),
    )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str:
        value = self._environ.get(name, "").strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1].strip()
        return value

    def path(self, name: str, default: Path) -> Path:
        value = self.text(name)
        if "\0" in value:
            raise SettingsError(f"{name} must be a path, not {value!r}.")
        return (Path(value).expanduser() if value else default).absolute()

    def integer(self, name: str, default: int, *, minimum: int, maximum: int, zero_is_default: bool = False) -> int:
        value = self.text(name)
        if not value:
            return default
        if not (value.lstrip("+-").isdecimal() and value.isascii() and len(value) < 20):
            raise SettingsError(f"{name} must be a whole number, not {value!r}.")
        number = int(value)
        if number == 0 and zero_is_default:
            return default
        if not minimum <= number <= maximum:
            raise SettingsError(f"{name} must be between {minimum} and {maximum}, not {number}.")
        return number

    def duration(self, name: str, default: float) -> float:
        value = self.text(name)
        if not value:
            return default
        try:
            return parse_duration(value)
        except ValueError:
            raise SettingsError(f"{name} must be a duration such as 30s, 5m or 1h30m, not {value!r}.") from None

    def log_level(self, name: str) -> int:
        value = self.text(name).lower() or "info"
        if value not in _LOG_LEVELS:
            raise SettingsError(f"{name} must be one of {', '.join(_LOG_LEVELS)}, not {value!r}.")
        return int(logging.getLevelName(value.upper()))
