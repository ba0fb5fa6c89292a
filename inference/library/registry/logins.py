"""Who we are at private registries: `HEARTH_DATA/registries.json`, readable for its owner alone.

    {"registry.example.org": {"username": "ann", "password": "…", "insecure": false}}

A token stands in the place of the password; registries that want nothing else get it without a user name. For Hugging Face
`HF_TOKEN` in the environment does the same. A login that was kept is sent over a verified connection only, unless it was
kept for an insecure registry: whoever may ask for an insecure pull shall not get at it by that.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from inference.errors import RegistryError
from inference.library.atomic import write_atomically
from inference.library.errors import LibraryError

HUGGING_FACE_HOSTS = frozenset({"hf.co", "huggingface.co", "www.huggingface.co"})
_LONGEST_FILE = 1024 * 1024

logger = logging.getLogger(__name__)


class Login(msgspec.Struct, frozen=True):
    username: str = ""
    password: str = ""
    #: Whether it may be sent to a registry whose certificate nobody vouches for, or over plain HTTP.
    insecure: bool = False

    def __repr__(self) -> str:
        return f"Login(username={self.username!r})"


_decoder = msgspec.json.Decoder(dict[str, Login])


class Logins:
    """Registries are named by host and, where there is one, port, in lower case."""

    def __init__(self, path: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._path = path
        self._environ = environ

    def find(self, host: str) -> Login | None:
        """Raises `RegistryError` when the file cannot be read: better than to be told that nobody may pull."""
        logins, names = self.all(), [host.lower()]
        if host.lower() in HUGGING_FACE_HOSTS:
            names += sorted(HUGGING_FACE_HOSTS)
        kept = next((logins[name] for name in names if name in logins), None)
        if kept is None and len(names) > 1 and (token := self._environ.get("HF_TOKEN", "").strip()):
            return Login(password=token)
        return kept

    def all(self) -> dict[str, Login]:
        """Raises `RegistryError`."""
        try:
            with self._path.open("rb") as file:
                return _decoder.decode(file.read(_LONGEST_FILE))
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            raise RegistryError(f"{self._path.name} in the data folder, with the logins of registries, cannot be read") from None

    def keep(self, host: str, login: Login) -> None:
        """Raises `RegistryError`."""
        self._write({**self.all(), host.lower(): login})

    def forget(self, host: str) -> bool:
        """Whether there was one. Raises `RegistryError`."""
        logins = self.all()
        if logins.pop(host.lower(), None) is None:
            return False
        self._write(logins)
        return True

    def _write(self, logins: dict[str, Login]) -> None:
        try:
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(logins)), 0o600)
        except LibraryError:
            raise RegistryError("the logins of registries cannot be written into the data folder") from None
