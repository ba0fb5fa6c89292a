"""Password hashing that many at once cannot turn into a shortage of memory."""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

#: Hashes computed at a time. Each takes 100 MiB on purpose, and every request has a thread of its own.
SIMULTANEOUS = 2
_places = threading.BoundedSemaphore(SIMULTANEOUS)


class BoundedArgon2Hasher(Argon2PasswordHasher):
    """Django's own, and the same hashes; whoever comes while all places are taken waits."""

    def encode(self, password: str, salt: str) -> str:
        with _places:
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        with _places:
            return bool(super().verify(password, encoded))
