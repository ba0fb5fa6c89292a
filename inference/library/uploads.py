"""Uploads that can be interrupted: what has come lies in HEARTH_DATA/uploads until it is complete.

`<id>.json` says what is to come, `<id>.part` is what has come: its size is the offset, also after the process was killed.
"""

import errno
import logging
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from inference.errors import InvalidRequest, LibraryFailed, NotEnoughDisk, RequestRejected
from inference.library.atomic import write_atomically
from inference.library.errors import LibraryError
from inference.library.holds import Holds
from inference.sizes import human_size

MAGIC = b"GGUF"
#: Bytes of one upload.
_LARGEST = 2**44
_MAX_UPLOADS = 100
_EXPIRY_S = 7 * 86400.0
_ID = re.compile(r"[0-9a-f]{16}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_LONGEST_NAME = 120
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

logger = logging.getLogger(__name__)


class UploadNotFound(RequestRejected):
    code = "upload_not_found"


class UploadIncomplete(RequestRejected):
    code = "upload_incomplete"


class UploadBusy(RequestRejected):
    """A job makes a model of it."""

    code = "upload_busy"


class OffsetMismatch(RequestRejected):
    """What was sent does not follow what is there."""

    code = "offset_mismatch"

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload goes on at byte {offset}")
        self.offset = offset


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is safe as a file name; `digest` is "sha256:<hex>", or empty where nobody said; `created_at` is RFC 3339."""

    id: str
    name: str
    size: int
    created_at: str
    digest: str = ""


class Uploads:
    """The folder `HEARTH_DATA/uploads`. Safe to use from several threads, except that an upload is written by one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holds = Holds()

    def begin(self, name: str, size: int, digest: str, *, created_at: str) -> Upload:
        """A new upload, or the unfinished one of the same file. Raises `InvalidRequest`, `NotEnoughDisk` or `LibraryFailed`."""
        if not 0 < size <= _LARGEST:
            raise InvalidRequest("size must be the number of bytes of the file")
        if digest and not _DIGEST.match(digest):
            raise InvalidRequest('digest must be "sha256:" and 64 hex digits')
        name = safe_name(name)
        self.remove_expired()
        known = self.list_uploads()
        for upload in known:
            if (upload.name, upload.size, upload.digest) == (name, size, digest):
                return upload
        if len(known) >= _MAX_UPLOADS:
            raise InvalidRequest(f"{_MAX_UPLOADS} uploads are unfinished: remove some first")
        self._check_room(size, known)
        upload = Upload(id=os.urandom(8).hex(), name=name, size=size, digest=digest, created_at=created_at)
        self._write(upload)
        return upload

    def list_uploads(self) -> list[Upload]:
        """The oldest first."""
        found = [upload for path in self._folder.glob("*.json") if (upload := self._read(path.stem)) is not None]
        return sorted(found, key=lambda upload: (upload.created_at, upload.id))

    def find(self, upload_id: str) -> Upload:
        """Raises `UploadNotFound`."""
        upload = self._read(upload_id) if _ID.match(upload_id) else None
        if upload is None:
            raise UploadNotFound("there is no such upload: it was removed, has become a model, or was left alone for too long")
        return upload

    def offset(self, upload_id: str) -> int:
        """How many bytes are there."""
        try:
            return self.path(upload_id).stat().st_size
        except OSError:
            return 0

    def require_complete(self, upload_id: str) -> Upload:
        """Raises `UploadNotFound` or `UploadIncomplete`."""
        upload = self.find(upload_id)
        offset = self.offset(upload_id)
        if offset != upload.size:
            raise UploadIncomplete(f"the upload is not complete: {offset} of {upload.size} bytes are there")
        return upload

    def append(self, upload: Upload, offset: int, content: bytes | bytearray) -> int:
        """The new offset. Raises `OffsetMismatch`, `InvalidRequest` for what is no GGUF file or longer than it was said to be,
        `NotEnoughDisk` or `LibraryFailed`; what was there before stays, and what could be written counts."""
        present = self.offset(upload.id)
        if offset != present:
            raise OffsetMismatch(present)
        if offset + len(content) > upload.size:
            raise InvalidRequest(f"the upload was to have {upload.size} bytes, and more were sent")
        if offset < len(MAGIC):
            begin = self._beginning(upload.id) + bytes(content[: len(MAGIC)])
            if not MAGIC.startswith(begin[: len(MAGIC)]):
                raise InvalidRequest("the file is not in GGUF format")
        try:
            with self.path(upload.id).open("ab") as file:
                file.write(content)
        except OSError as error:
            raise _failure(error) from error
        return offset + len(content)

    def sync(self, upload_id: str) -> None:
        """What is there outlives a power cut from now on. Raises `LibraryFailed` or `NotEnoughDisk`."""
        try:
            with self.path(upload_id).open("rb") as file:
                os.fdatasync(file.fileno())
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failure(error) from error

    def remove(self, upload_id: str) -> None:
        """Also what is not there."""
        if _ID.match(upload_id):
            for path in (self._folder / f"{upload_id}.json", self.path(upload_id)):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def check_free(self, upload_id: str) -> None:
        """Raises `UploadBusy` while it is held."""
        if upload_id in self._holds:
            raise UploadBusy("a model is being made of this upload: cancel that first")

    @contextmanager
    def hold(self, upload_id: str) -> Iterator[None]:
        """While the block runs, the upload does not expire."""
        with self._holds.hold([upload_id]):
            yield

    def remove_expired(self) -> None:
        """Those that nothing was added to for a week, and files without a description."""
        with suppress(OSError):
            entries = [(path, path.stat().st_mtime) for path in self._folder.iterdir() if path.is_file()]
            newest: dict[str, float] = {}
            for path, modified in entries:
                newest[path.stem] = max(newest.get(path.stem, 0.0), modified)
            for path, _ in entries:
                if time.time() - newest[path.stem] > _EXPIRY_S and path.stem not in self._holds:
                    path.unlink(missing_ok=True)

    def path(self, upload_id: str) -> Path:
        assert _ID.match(upload_id), "ids are looked at before"
        return self._folder / f"{upload_id}.part"

    def _beginning(self, upload_id: str) -> bytes:
        with suppress(FileNotFoundError), self.path(upload_id).open("rb") as file:
            return file.read(len(MAGIC))
        return b""

    def _check_room(self, size: int, others: list[Upload]) -> None:
        """What other uploads are still to bring is not free."""
        self._folder.mkdir(parents=True, exist_ok=True)
        promised = sum(upload.size - self.offset(upload.id) for upload in others)
        free = max(shutil.disk_usage(self._folder).free - promised, 0)
        if size > free:
            raise NotEnoughDisk(
                f"not enough disk space: the file has {human_size(size)}, and {human_size(free)} are free: delete models, "
                "or set HEARTH_DATA to a larger disk"
            )

    def _write(self, upload: Upload) -> None:
        try:
            write_atomically(self._folder / f"{upload.id}.json", msgspec.json.encode(upload))
        except LibraryError as error:
            cause = error.__cause__
            raise (_failure(cause) if isinstance(cause, OSError) else LibraryFailed(str(error))) from error

    def _read(self, upload_id: str) -> Upload | None:
        path = self._folder / f"{upload_id}.json"
        try:
            upload = msgspec.json.decode(path.read_bytes(), type=Upload)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("The upload in %s is left out: %s.", path, error)
            return None
        return upload if upload.id == upload_id and _ID.match(upload_id) else None


def safe_name(name: str) -> str:
    """The last part of a path of any system, without what file systems and terminals trip over; ends in ".gguf"."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in name if unicodedata.category(char)[0] not in "CZ" or char == " ")
    stem = name.strip(" .").removesuffix(".gguf").strip(" .")
    return f"{stem[:_LONGEST_NAME] or 'model'}.gguf"


def _failure(error: OSError) -> NotEnoughDisk | LibraryFailed:
    if error.errno in _FULL:
        return NotEnoughDisk("the disk is full: free some space and go on")
    return LibraryFailed(f"The upload cannot be written in HEARTH_DATA: {error.strerror}.")
