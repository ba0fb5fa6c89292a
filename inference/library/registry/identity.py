"""The key pair this server is known by at registries: `HEARTH_DATA/id_ed25519`, made when it is first needed.

Ollama's registry and Hugging Face know their users by such a key: its public half is entered in the user's account there.
"""

import base64
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inference.errors import RegistryError
from inference.library.atomic import write_atomically
from inference.library.errors import LibraryError

_LONGEST = 64 * 1024


class Identity:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: Ed25519PrivateKey | None = None

    @property
    def public_key(self) -> str:
        """As in an `authorized_keys` file: `ssh-ed25519 AAAA…`. Raises `RegistryError`."""
        form = serialization.PublicFormat.OpenSSH
        return self._load().public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode()

    def sign(self, text: str) -> str:
        """`<public key>:<signature>`, both base64, as Ollama's registry takes it. Raises `RegistryError`."""
        signature = base64.b64encode(self._load().sign(text.encode())).decode()
        return f"{self.public_key.split()[1]}:{signature}"

    def _load(self) -> Ed25519PrivateKey:
        if self._key is None:
            self._key = self._read() or self._make()
        return self._key

    def _read(self) -> Ed25519PrivateKey | None:
        try:
            with self._path.open("rb") as file:
                key = serialization.load_ssh_private_key(file.read(_LONGEST), password=None)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, UnsupportedAlgorithm):
            raise RegistryError(f"the key {self._path.name} cannot be read: move it away, and a new one is made") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise RegistryError(f"the key {self._path.name} is no ed25519 key: move it away, and a new one is made")
        return key

    def _make(self) -> Ed25519PrivateKey:
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        try:
            write_atomically(self._path, private, 0o600)
            self._path.with_suffix(".pub").write_bytes(public + b"\n")
        except (OSError, LibraryError):
            raise RegistryError("the key of this server cannot be written into the data folder") from None
        return key
