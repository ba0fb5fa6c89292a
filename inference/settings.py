"""Every environment variable the runtime reads, once, into a frozen value. Malformed values are refused by name."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from inference.address import DEFAULT_PORT, Address, parse_address
from inference.durations import keep_alive_seconds, parse_duration
from inference.runner.config import FlashAttention, KvCacheType
from inference.sizes import parse_size

_LOG_LEVELS = ("debug", "info", "warning", "error")
_TRUE, _FALSE = ("1", "t", "true", "yes", "on"), ("0", "f", "false", "no", "off")
#: llama.cpp reads quantized values with flash attention only.
_EXACT_CACHE_TYPES = ("f32", "f16", "bf16")
_FLASH_ATTENTION: dict[bool | None, FlashAttention] = {None: "auto", True: "on", False: "off"}


class SettingsError(Exception):
    """A variable holds a value the runtime cannot use; the text is one sentence for the operator."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Durations in seconds; `math.inf` is without end."""

    data_dir: Path
    models_dir: Path
    #: GGUF files in it are models as they lie; None: `import` in the models folder.
    import_dir: Path | None = None
    address: Address
    #: The web process listens on `address` in our place, and asks for a key; here there is the Unix socket alone.
    api_keys_required: bool = False
    keep_alive: float = 300.0
    #: The longest time without progress while a model is loaded.
    load_timeout: float = 300.0
    #: Requests one loaded model answers at the same time; None: up to 4, as memory allows.
    num_parallel: int | None = None
    max_loaded_models: int = 3
    #: Requests that may wait, over all models.
    max_queue: int = 512
    #: Context of one request, in tokens, when neither it nor its model says.
    context_length: int = 4096
    max_gap_ms: int = 150
    #: Bytes of computed prompts that are kept on the disk, over all models; 0: none.
    kv_cache_max: int = 4 * 1024**3
    kv_cache_type: KvCacheType = "f16"
    flash_attention: FlashAttention = "auto"
    #: Bytes of every GPU that are left to others.
    gpu_overhead: int = 0
    #: Which template writes the prompts of a model that has a TEMPLATE and Jinja in its file; None: as the request needs.
    go_template: bool | None = None
    #: Whether a model that fits one GPU is spread over all of them.
    sched_spread: bool = False
    #: Whether blobs that no model needs are removed at the start, and what a replaced model alone needed at once.
    prunes: bool = True
    #: Bytes/s that all pulls together may take from the network; 0: as many as come.
    download_limit: int = 0
    #: Names of models to be loaded at the start.
    preload: tuple[str, ...] = ()
    #: Web origins besides the usual local ones that may call the API.
    origins: tuple[str, ...] = ()
    #: A runner that does not answer for so long, in seconds, is ended.
    runner_hang_s: float = 60.0
    log_level: int = logging.INFO

    @property
    def kv_dir(self) -> Path:
        return self.data_dir / "kv"

    @property
    def jobs_dir(self) -> Path:
        return self.data_dir / "jobs"

    @property
    def uploads_dir(self) -> Path:
        return self.data_dir / "uploads"

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
    settings = Settings(
        data_dir=data_dir,
        models_dir=reader.path("OLLAMA_MODELS", data_dir / "models"),
        import_dir=reader.path("HEARTH_IMPORT", data_dir / "models" / "import"),
        address=parse_address(
            environ.get("OLLAMA_HOST", ""),
            default_port=reader.integer("OLLAMA_PORT", DEFAULT_PORT, minimum=1, maximum=65535),
        ),
        api_keys_required=reader.choice("HEARTH_API_KEYS", "optional", ("optional", "required")) == "required",
        keep_alive=keep_alive_seconds(reader.duration("OLLAMA_KEEP_ALIVE", 300.0)),
        load_timeout=load_timeout if load_timeout > 0 else math.inf,
        num_parallel=reader.integer("OLLAMA_NUM_PARALLEL", 0, minimum=1, maximum=256, zero_is_default=True) or None,
        max_loaded_models=reader.integer("OLLAMA_MAX_LOADED_MODELS", 3, minimum=1, maximum=1000, zero_is_default=True),
        max_queue=reader.integer("OLLAMA_MAX_QUEUE", 512, minimum=1, maximum=100_000),
        context_length=reader.integer("OLLAMA_CONTEXT_LENGTH", 4096, minimum=4, maximum=2**24, zero_is_default=True),
        max_gap_ms=reader.integer("HEARTH_MAX_GAP_MS", 150, minimum=1, maximum=60_000),
        kv_cache_max=reader.size("HEARTH_KV_CACHE_MAX", 4 * 1024**3),
        kv_cache_type=cast(KvCacheType, reader.choice("OLLAMA_KV_CACHE_TYPE", "f16", get_args(KvCacheType))),
        flash_attention=_FLASH_ATTENTION[reader.boolean("OLLAMA_FLASH_ATTENTION")],
        gpu_overhead=reader.integer("OLLAMA_GPU_OVERHEAD", 0, minimum=0, maximum=2**50),
        go_template=reader.boolean("OLLAMA_GO_TEMPLATE"),
        sched_spread=bool(reader.boolean("OLLAMA_SCHED_SPREAD")),
        prunes=not reader.boolean("OLLAMA_NOPRUNE"),
        download_limit=reader.size("HEARTH_DOWNLOAD_LIMIT", 0),
        preload=reader.names("HEARTH_PRELOAD"),
        origins=reader.names("OLLAMA_ORIGINS"),
        runner_hang_s=reader.integer("HEARTH_RUNNER_HANG_S", 60, minimum=1, maximum=86_400),
        log_level=reader.log_level("HEARTH_LOG_LEVEL", default="debug" if reader.debug("OLLAMA_DEBUG") else "info"),
    )
    if settings.flash_attention == "off" and settings.kv_cache_type not in _EXACT_CACHE_TYPES:
        raise SettingsError(
            f"OLLAMA_KV_CACHE_TYPE must be f16 while OLLAMA_FLASH_ATTENTION is off, not {settings.kv_cache_type}."
        )
    return settings


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

    def size(self, name: str, default: int) -> int:
        """In bytes."""
        value = self.text(name)
        try:
            return parse_size(value) if value else default
        except ValueError:
            raise SettingsError(f"{name} must be a size such as 4GiB, 500MB or 0, not {value!r}.") from None

    def duration(self, name: str, default: float) -> float:
        value = self.text(name)
        if not value:
            return default
        try:
            return parse_duration(value)
        except ValueError:
            raise SettingsError(f"{name} must be a duration such as 30s, 5m or 1h30m, not {value!r}.") from None

    def boolean(self, name: str) -> bool | None:
        """None when nothing is said."""
        value = self.text(name).lower()
        if not value:
            return None
        if value not in _TRUE + _FALSE:
            raise SettingsError(f"{name} must be 1 or 0, not {value!r}.")
        return value in _TRUE

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name).lower() or default
        if value not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """Separated by commas."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def debug(self, name: str) -> bool:
        """Ollama's variable holds 0, 1, 2 or a truth value."""
        return self.text(name) == "2" or bool(self.boolean(name))

    def log_level(self, name: str, *, default: str) -> int:
        value = self.text(name).lower() or default
        if value not in _LOG_LEVELS:
            raise SettingsError(f"{name} must be one of {', '.join(_LOG_LEVELS)}, not {value!r}.")
        return int(logging.getLevelName(value.upper()))
