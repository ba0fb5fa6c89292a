"""Readers for environment variables that refuse malformed values by the variable's name.

`NAME_FILE` names a file holding the value of a secret, the way Docker secrets are mounted.
Imports no Django so that the supervisor can read the same variables without loading it.
"""

import os
from pathlib import Path


class ConfigurationError(Exception):
    """An environment variable holds a value that Hearth cannot use; the text is one sentence for the operator."""


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    value = env_str(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name} must be true or false, not {value!r}.")


def env_int(name: str, default: int, *, minimum: int | None = None, maximum: int | None = None) -> int:
    value = env_str(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ConfigurationError(f"{name} must be a whole number, not {value!r}.") from None
    if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
        bounds = f"between {minimum} and {maximum}" if maximum is not None else f"at least {minimum}"
        raise ConfigurationError(f"{name} must be {bounds}, not {number}.")
    return number


def env_path(name: str, default: Path) -> Path:
    value = env_str(name)
    return Path(value).expanduser().resolve() if value else default.resolve()


def env_list(name: str) -> list[str]:
    """Comma-separated values, blanks dropped."""
    return [part.strip() for part in env_str(name).split(",") if part.strip()]


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = env_str(name).lower() or default
    if value not in choices:
        raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def env_secret(name: str, default: str = "") -> str:
    """The value of `NAME`, or the stripped contents of the file that `NAME_FILE` points at."""
    file_name = env_str(f"{name}_FILE")
    if not file_name:
        return env_str(name, default)
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{name}_FILE: cannot read {file_name}: {error.strerror}.") from None
