"""The saved states of one model with one set of settings: a folder of files below that of all models."""

import logging
import os
import shutil
import zlib
from array import array
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from inference.kv.files import (
    SUFFIX,
    TEMPORARY_PREFIX,
    DamagedFile,
    Header,
    largest_size,
    read_header,
    read_payload,
    write_file,
)
from inference.kv.housekeeping import delete, limit_folder
from inference.runner.engine.kv_store import StoredState

logger = logging.getLogger(__name__)

#: Others need the disk more than a cache does.
MIN_FREE_BYTES = 1024**3
_NAME_BYTES = 16


class KVFolder:
    """`key` says what states are computed with: one that was written with another key is never read. Nothing raises."""

    def __init__(self, root: Path, *, key: str, max_bytes: int, min_free_bytes: int = MIN_FREE_BYTES) -> None:
        self._root = root
        self._key = key
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self.path = root / blake2b(key.encode(), digest_size=_NAME_BYTES).hexdigest()

    def scan(self) -> list[StoredState]:
        """What is there. Files that are damaged, foreign or were never finished are deleted, the latter of all models."""
        states = []
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._root.chmod(0o700)
            limit_folder(self._root, self._max_bytes)
            for path in self.path.iterdir():
                state = self._read_state(path)
                states += [state] if state else []
        except OSError as error:
            logger.warning("The folder of saved states cannot be used: %s.", error)
        return states

    def can_hold(self, scope: str, num_tokens: int, payload_size: int) -> bool:
        """Whether such a state is not larger than everything may be."""
        return largest_size(self._key, scope, num_tokens, payload_size) <= self._max_bytes

    def write(self, state: StoredState, payload: bytearray, is_wanted: Callable[[], bool] = lambda: True) -> bool:
        """Whether it was saved: not when the disk is nearly full, when it is larger than everything may be, or when it is not
        wanted any more at the end."""
        header = Header(
            key=self._key,
            scope=state.scope,
            tokens=array("i", state.tokens).tobytes(),
            payload_size=len(payload),
            payload_checksum=zlib.crc32(payload),
        )
        size = largest_size(self._key, state.scope, len(state.tokens), len(payload))
        try:
            if size > self._max_bytes or shutil.disk_usage(self._root).free - size < self._min_free_bytes:
                return False
            limit_folder(self._root, self._max_bytes - size)
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not write_file(self._file(state.name), header, payload, is_wanted):
                return False
        except OSError as error:
            logger.warning("A state of %d bytes could not be saved: %s.", size, error)
            return False
        # Another runner may have made room for its own at the same time.
        limit_folder(self._root, self._max_bytes)
        return True

    def read(self, state: StoredState) -> bytearray | None:
        """None when the file is gone or damaged; it is deleted then."""
        path = self._file(state.name)
        try:
            payload = read_payload(path, self._key)
            os.utime(path)
        except (DamagedFile, OSError) as error:
            if not isinstance(error, FileNotFoundError):
                logger.warning("A saved state is thrown away: %s.", error)
            delete(path)
            return None
        return payload

    def delete(self, name: str) -> None:
        delete(self._file(name))

    def names(self) -> set[str]:
        """Of the states that are there now."""
        try:
            return {path.stem for path in self.path.glob(f"*{SUFFIX}")}
        except OSError:
            return set()

    def _file(self, name: str) -> Path:
        return self.path / (name + SUFFIX)

    def _read_state(self, path: Path) -> StoredState | None:
        if path.name.startswith(TEMPORARY_PREFIX):
            # Another runner is writing it.
            return None
        try:
            header = read_header(path)
            tokens = array("i")
            tokens.frombytes(header.tokens)
            state = StoredState(path.stem, header.scope, tokens.tolist(), path.stat().st_size)
            if header.key == self._key and path.name == state_name(state.scope, state.tokens) + SUFFIX:
                return state
        except FileNotFoundError:
            return None
        except (DamagedFile, OSError, ValueError) as error:
            logger.warning("A saved state is thrown away: %s.", error)
        delete(path)
        return None


def state_name(scope: str, tokens: Sequence[int]) -> str:
    """The same for the same tokens of the same scope, so that a state is kept once."""
    digest = blake2b(scope.encode("utf-8", "surrogatepass") + b"\0", digest_size=_NAME_BYTES)
    digest.update(array("i", tokens).tobytes())
    return digest.hexdigest()
