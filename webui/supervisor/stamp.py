"""Whether bootstrap has anything to do: a stamp in the data directory names what it last ran for.

The fingerprint costs a few milliseconds; finding the same out through Django costs over a second at every start.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from webui.env import env_secret
from webui.paths import BASE_DIR, data_dir, secret_key_path, static_root

MANIFEST = "staticfiles.json"
# Folders whose change means new migrations, new pages' files or new translations.
WATCHED = ("webui/migrations", "webui/locale", "static")


def stamp_path() -> Path:
    return data_dir() / "bootstrap.stamp"


def needs_bootstrap() -> bool:
    """True on the first start, after an update, and when something bootstrap made has gone."""
    has_key = bool(env_secret("HEARTH_SECRET_KEY")) or secret_key_path().exists()
    if not has_key or not (static_root() / MANIFEST).exists():
        return True
    try:
        return stamp_path().read_text(encoding="ascii") != fingerprint()
    except OSError:
        return True


def write_stamp() -> None:
    draft = stamp_path().with_suffix(f".{os.getpid()}")
    draft.write_text(fingerprint(), encoding="ascii")
    draft.replace(stamp_path())


def fingerprint(base: Path = BASE_DIR) -> str:
    """A hash of the code's watched files (names, sizes, times), the installed packages and the database."""
    digest = hashlib.sha256()
    for line in (sys.version, *_packages(), *_database(), str(static_root()), *_watched_files(base)):
        digest.update(line.encode(errors="surrogateescape") + b"\0")
    return digest.hexdigest()


def _packages() -> Iterator[str]:
    """Installing anything changes the times of these: migrations and static files come with packages, too."""
    for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        yield f"{folder} {Path(folder).stat().st_mtime_ns}"


def _database() -> Iterator[str]:
    url = env_secret("DATABASE_URL")
    yield url
    if not url:
        # The inode tells a database put back from a copy from the one that was migrated.
        path = data_dir() / "hearth.sqlite3"
        yield str(path.stat().st_ino if path.exists() else 0)


def _watched_files(base: Path) -> Iterator[str]:
    yield _described(base / "pyproject.toml")
    for folder in WATCHED:
        for root, folders, files in os.walk(base / folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                yield _described(Path(root, name))


def _described(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return f"{path} missing"
    return f"{path} {status.st_size} {status.st_mtime_ns}"
