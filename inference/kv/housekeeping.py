"""Keeping the folder of saved states small, over all models, and making it forget. Other processes may do the same at the
same time: a file that is gone is no error."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from inference.kv.files import SUFFIX, TEMPORARY_PREFIX, DamagedFile, delete_abandoned, read_header
from inference.scopes import is_within

logger = logging.getLogger(__name__)


def limit_folder(root: Path, max_bytes: int) -> list[Path]:
    """Deletes what killed writers left unfinished, and then the files used longest ago until all, with those that are being
    written, are at most `max_bytes`; the finished files deleted."""
    total, files = 0, []
    for path in _unfinished(root):
        if not _is_swept(path):
            with suppress(OSError):
                total += path.stat().st_size
    for path in _files(root):
        with suppress(OSError):
            stat = path.stat()
            files.append((stat.st_mtime_ns, stat.st_size, path))
    total += sum(size for _used, size, _path in files)
    deleted = []
    for _used, size, path in sorted(files):
        if total <= max_bytes:
            break
        if delete(path):
            total -= size
            deleted.append(path)
    return deleted


def forget_files(root: Path, scope: str) -> int:
    """Deletes every file whose scope is `scope` or lies below it, and those that cannot be read; how many that were. Of one
    that is being written, nothing comes: see `write_file`."""
    num_deleted = 0
    # In this order: a file that is finished meanwhile is among the others then.
    for files, are_unfinished in ((_unfinished(root), True), (_files(root), False)):
        for path in files:
            if _is_meant(path, scope, is_unfinished=are_unfinished) and delete(path):
                num_deleted += 1
    return num_deleted


def _is_meant(path: Path, scope: str, *, is_unfinished: bool) -> bool:
    try:
        return is_within(read_header(path, is_unfinished=is_unfinished).scope, scope)
    except FileNotFoundError:
        return False
    except (DamagedFile, OSError):
        return True


def delete(path: Path) -> bool:
    """Whether the file is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("A saved state could not be deleted: %s.", error)
        return False
    return True


def _is_swept(path: Path) -> bool:
    try:
        return delete_abandoned(path)
    except OSError as error:
        logger.warning("An unfinished state could not be deleted: %s.", error)
        return False


def _files(root: Path) -> Iterator[Path]:
    yield from root.glob(f"*/*{SUFFIX}")


def _unfinished(root: Path) -> Iterator[Path]:
    yield from root.glob(f"*/{TEMPORARY_PREFIX}*")
