"""Keeping the folder of saved states small, over all models, and making it forget. Other processes may do the same at the
same time: a file that is gone is no error."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from inference.kv.files import SUFFIX, DamagedFile, read_header
from inference.scopes import is_within

logger = logging.getLogger(__name__)


def limit_folder(root: Path, max_bytes: int) -> list[Path]:
    """Deletes the files used longest ago until all are at most `max_bytes`; those deleted."""
    files = []
    for path in _files(root):
        with suppress(OSError):
            stat = path.stat()
            files.append((stat.st_mtime_ns, stat.st_size, path))
    total = sum(size for _used, size, _path in files)
    deleted = []
    for _used, size, path in sorted(files):
        if total <= max_bytes:
            break
        if delete(path):
            total -= size
            deleted.append(path)
    return deleted


def forget_files(root: Path, scope: str) -> int:
    """Deletes every file whose scope is `scope` or lies below it, and those that cannot be read; how many that were."""
    num_deleted = 0
    for path in _files(root):
        try:
            is_meant = is_within(read_header(path).scope, scope)
        except (DamagedFile, OSError):
            is_meant = True
        if is_meant and delete(path):
            num_deleted += 1
    return num_deleted


def delete(path: Path) -> bool:
    """Whether the file is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("A saved state could not be deleted: %s.", error)
        return False
    return True


def _files(root: Path) -> Iterator[Path]:
    yield from root.glob(f"*/*{SUFFIX}")
