"""Removes blobs that no manifest refers to.

When in doubt, nothing is removed: a manifest that cannot be read may be the one that refers to a blob.
"""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from inference.library.blobs import BlobStore
from inference.library.errors import DamagedModel
from inference.library.holds import Holds
from inference.library.manifests import ManifestStore, decode_manifest

#: What is younger may belong to an upload whose model is not made yet; Ollama waits as long.
_YOUNGEST_S = 3600.0
#: What an interrupted download has so far is worth keeping for longer than any other rest.
_YOUNGEST_PARTIAL_S = 7 * 86400.0
_PARTIAL = "-partial"
_TEMPORARY = ".new-"
_MAX_MANIFEST_BYTES = 4 * 1024 * 1024

logger = logging.getLogger(__name__)


def referenced_digests(manifests: ManifestStore) -> set[str] | None:
    """Of every manifest below the folder, whatever its name; None when one of them cannot be read."""
    digests: set[str] = set()
    for path in _files(manifests.root):
        try:
            if path.stat().st_size > _MAX_MANIFEST_BYTES:
                return None
            manifest = decode_manifest(path.read_bytes())
        except FileNotFoundError:
            continue
        except (DamagedModel, OSError):
            return None
        digests.update(layer.digest.replace("-", ":") for layer in (manifest.config, *manifest.layers))
    return digests


def remove_unreferenced(manifests: ManifestStore, blobs: BlobStore, holds: Holds, digests: Iterable[str]) -> list[str]:
    """Of these digests, those whose blobs were removed: no manifest refers to them and nothing holds them."""
    referenced = referenced_digests(manifests)
    if referenced is None:
        return []
    removed = []
    for digest in dict.fromkeys(digests):
        if digest.replace("-", ":") in referenced or digest in holds:
            continue
        with suppress(OSError, DamagedModel):
            blobs.path(digest).unlink()
            removed.append(digest)
    return removed


def prune_at_start(manifests: ManifestStore, blobs: BlobStore) -> int:
    """Removes what was left behind: blobs that no manifest has referred to for an hour, temporary files of an earlier run,
    and partial downloads that nobody went on with for a week. The number of files removed; never raises."""
    if not blobs.root.is_dir():
        return 0
    referenced = referenced_digests(manifests)
    if referenced is None:
        logger.warning("Blobs that no model needs are kept, since a manifest cannot be read and may refer to them.")
        return 0
    removed, freed = 0, 0
    for entry, size in _left_behind(blobs.root, referenced):
        with suppress(OSError):
            entry.unlink()
            removed, freed = removed + 1, freed + size
    if removed:
        logger.info("Removed %d files of %d MB that no model needs.", removed, freed // 1_000_000)
    return removed


def _left_behind(folder: Path, referenced: set[str]) -> Iterator[tuple[Path, int]]:
    now = time.time()
    with suppress(OSError):
        found = [(entry, entry.stat()) for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
        newest: dict[str, float] = {}
        for entry, stat in found:
            newest[_download_of(entry.name)] = max(stat.st_mtime, newest.get(_download_of(entry.name), 0.0))
        for entry, stat in found:
            is_old = now - newest[_download_of(entry.name)] >= _youngest(entry.name)
            if is_old and _is_ours(entry.name) and _digest_of(entry.name) not in referenced:
                yield Path(entry.path), stat.st_size


def _download_of(name: str) -> str:
    """The same for all files of an interrupted download: what of it came first is old while the rest still comes."""
    blob, separator, _ = name.partition(_PARTIAL)
    return blob + separator


def _is_ours(name: str) -> bool:
    return name.startswith(("sha256-", _TEMPORARY))


def _digest_of(name: str) -> str:
    return name.replace("-", ":", 1)


def _youngest(name: str) -> float:
    return _YOUNGEST_PARTIAL_S if _PARTIAL in name else _YOUNGEST_S


def _files(folder: Path) -> Iterator[Path]:
    """Hidden files are none of a manifest's: file managers and our own unfinished writes leave them."""
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names if not name.startswith("."))
