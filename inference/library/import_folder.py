"""The import folder: GGUF files that people put there are models as they lie, without a copy and without a manifest.

Nothing in it is ever written or removed: the folder may be read-only and belongs to whoever mounted it. A file that is no
model is reported and passed over. What was read of a file is kept until its size or time changes.
"""

import hashlib
import json
import logging
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inference.library.errors import LibraryError
from inference.library.gguf import GGUFMetadata, joined, read_metadata
from inference.library.gguf_role import Role, role_of
from inference.library.names import DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG, ModelName
from inference.library.split import Part, in_order, part_of

_MAX_DEPTH = 3
_MAX_FILES = 10_000
_SUFFIX = ".gguf"
_LONGEST = 80
_INVALID = re.compile(r"[^A-Za-z0-9_.-]+")
#: What a projector's name has beside that of its model.
_PROJECTOR_WORDS = re.compile(r"[-_.]?mmproj[-_.]?(model)?|[-_.](f16|f32|bf16|q8_0)\Z", re.IGNORECASE)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FolderFile:
    """A GGUF file, or a split one with all its parts."""

    #: Its path below the folder, of a split one that of its first part.
    name: str
    paths: tuple[Path, ...]
    #: Bytes over all parts.
    size: int
    #: The newest of all parts, in nanoseconds.
    modified_at_ns: int
    metadata: GGUFMetadata | None
    #: Why it cannot be used; a sentence's middle. Empty: it can.
    error: str = ""
    #: As which model it can be used; None for projectors, adapters and broken files.
    model: ModelName | None = None
    #: The part that sees images, of a model that has one beside it, and its size in bytes.
    projector: Path | None = None
    projector_size: int = 0

    @property
    def role(self) -> Role | None:
        return role_of(self.metadata) if self.metadata is not None else None

    @property
    def digest(self) -> str:
        """sha256 of where it lies and of which state it is: its content is never read whole."""
        paths = [*self.paths, *([self.projector] if self.projector is not None else [])]
        state = [str(path) for path in paths] + [str(self.size), str(self.modified_at_ns)]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()


@dataclass(frozen=True)
class _Found:
    name: str
    path: Path
    size: int
    modified_at_ns: int


class ImportFolder:
    """Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._read: dict[tuple[str, int, int], GGUFMetadata | LibraryError] = {}
        self._reported: dict[str, str] = {}

    def files(self) -> list[FolderFile]:
        """By name. Never raises: a folder that is not there holds nothing."""
        with self._lock:
            found = sorted(_walk(str(self.folder), "", 0), key=lambda file: file.name)[:_MAX_FILES]
            files = [self._file(group) for group in _grouped(found)]
            present = {(file.name, file.size, file.modified_at_ns) for file in found}
            self._read = {key: value for key, value in self._read.items() if key in present}
            self._report(files)
        return _paired(_named(files))

    def _file(self, group: "list[_Found] | tuple[list[_Found], str]") -> FolderFile:
        found, error = group if isinstance(group, tuple) else (group, "")
        metadata: GGUFMetadata | None = None
        try:
            metadata = joined([self._metadata(file) for file in found])
            if metadata.missing_bytes and not error:
                error = f"it is cut short by {metadata.missing_bytes} bytes"
        except LibraryError as problem:
            error = str(problem)
        return FolderFile(
            name=found[0].name,
            paths=tuple(file.path for file in found),
            size=sum(file.size for file in found),
            modified_at_ns=max(file.modified_at_ns for file in found),
            metadata=None if error else metadata,
            error=error,
        )

    def _metadata(self, file: _Found) -> GGUFMetadata:
        key = (file.name, file.size, file.modified_at_ns)
        if key not in self._read:
            try:
                self._read[key] = read_metadata(file.path)
            except LibraryError as error:
                self._read[key] = error
        known = self._read[key]
        if isinstance(known, LibraryError):
            raise known
        return known

    def _report(self, files: Sequence[FolderFile]) -> None:
        broken = {file.name: file.error for file in files if file.error}
        for name, error in broken.items():
            if self._reported.get(name) != error:
                logger.warning("%r in the import folder is left out: %s.", name, error)
        self._reported = broken


def valid_name(file_name: str) -> str:
    """A model's name made from a file's: what no name can hold becomes a hyphen. A file that has nothing else is called by a
    number that stays the same."""
    stem = file_name[: -len(_SUFFIX)] if file_name.lower().endswith(_SUFFIX) else file_name
    name = _INVALID.sub("-", stem).strip("-.")[:_LONGEST].rstrip("-.")
    return name or f"model-{_short_digest(file_name)}"


def _walk(folder: str, prefix: str, depth: int) -> Iterator[_Found]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        logger.warning("Cannot list the import folder: %s.", error.strerror)
        return
    for entry in entries:
        if entry.name.startswith(".") or not _is_text(entry.name):
            continue
        name = prefix + entry.name
        try:
            if entry.is_dir():
                if depth + 1 < _MAX_DEPTH:
                    yield from _walk(entry.path, f"{name}/", depth + 1)
            elif entry.name.lower().endswith(_SUFFIX) and entry.is_file():
                stat = entry.stat()
                yield _Found(name, Path(entry.path), stat.st_size, stat.st_mtime_ns)
        except OSError:
            # A link that leads nowhere, or a file that is gone again.
            continue


def _is_text(name: str) -> bool:
    """A file's name is any bytes; one that is no text cannot be said in JSON."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _grouped(found: Sequence[_Found]) -> "Iterator[list[_Found] | tuple[list[_Found], str]]":
    """Parts of one model together, with what is wrong where some are missing."""
    groups: dict[tuple[str, str, int], list[tuple[Part, _Found]]] = {}
    for file in found:
        folder, _, base = file.name.rpartition("/")
        part = part_of(base)
        if part is None or part.count == 1:
            yield [file]
        else:
            groups.setdefault((folder, part.name, part.count), []).append((part, file))
    for parts in groups.values():
        files = [file for _, file in parts]
        try:
            in_order([(part, file.path) for part, file in parts])
            yield files
        except LibraryError as error:
            yield files, str(error)


def _named(files: Sequence[FolderFile]) -> list[FolderFile]:
    """Where two files would have one name, all but the first carry a number that stays the same."""
    taken: Counter[str] = Counter()
    named = []
    for file in sorted(files, key=lambda file: file.name):
        if file.role != "model":
            named.append(file)
            continue
        part = part_of(file.paths[0].name)
        text = valid_name(part.name if part is not None else file.paths[0].name)
        if taken[text.lower()]:
            text = f"{text[: _LONGEST - 9]}-{_short_digest(file.name)}"
        taken[text.lower()] += 1
        named.append(replace(file, model=ModelName(DEFAULT_HOST, DEFAULT_NAMESPACE, text, DEFAULT_TAG)))
    return named


def _paired(files: Sequence[FolderFile]) -> list[FolderFile]:
    """A projector belongs to the one model in its folder, or to the one that its name names."""
    paired = {file.name: file for file in files}
    for projector in files:
        if projector.role != "projector":
            continue
        beside = [file for file in files if file.model is not None and file.paths[0].parent == projector.paths[0].parent]
        if len(beside) > 1:
            word = _PROJECTOR_WORDS.sub("", _PROJECTOR_WORDS.sub("", projector.paths[0].stem)).lower()
            beside = [file for file in beside if word and word in file.paths[0].name.lower()]
        if len(beside) == 1:
            paired[beside[0].name] = replace(paired[beside[0].name], projector=projector.paths[0], projector_size=projector.size)
    return list(paired.values())


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
