"""The files that a Modelfile names, found on this machine and identified by their sha256."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from inference.cli.errors import CommandError
from inference.cli.paths import exists, typed_path
from inference.library.modelfile.modelfile import Modelfile

CHUNK = 1024 * 1024
#: Beside the weights, what a converter wants to know: configuration, tokenizer, template; also of parts in folders below.
_WITH_SAFETENSORS = ("*.json", "tokenizer.model", "*.jinja", "vocab.txt", "merges.txt", "*/config.json")
_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf\Z")


@dataclass(frozen=True)
class Part:
    """A file under the name by which the server is told of it."""

    path: Path
    name: str

    @cached_property
    def digest(self) -> str:
        checksum = hashlib.sha256()
        for chunk in read_chunks(self.path):
            checksum.update(chunk)
        return f"sha256:{checksum.hexdigest()}"


@dataclass
class Components:
    #: The model to build on; empty when the weights come from files.
    base: str = ""
    files: list[Part] = field(default_factory=list)
    adapters: list[Part] = field(default_factory=list)
    drafts: list[Part] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        return [*self.files, *self.adapters, *self.drafts]


def read_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


def collect(modelfile: Modelfile, folder: Path) -> Components:
    """Paths are relative to `folder`. Raises `CommandError` for one that is not there."""
    components = Components()
    for source in modelfile.sources:
        found = _find(source, folder)
        if found is not None:
            components.files += _parts(found)
        elif components.base:
            raise CommandError(f"a model is built on one other, not on both {components.base} and {source}")
        else:
            components.base = source
    components.adapters = [part for adapter in modelfile.adapters for part in _parts(_existing(adapter, folder))]
    components.drafts = [part for draft in modelfile.drafts for part in _parts(_existing(draft, folder))]
    for parts in (components.files, components.adapters, components.drafts):
        _refuse_duplicates(parts)
    return components


def _find(source: str, folder: Path) -> Path | None:
    """None when it can only be the name of a model."""
    path = folder / typed_path(source)
    if exists(path):
        return path
    if source.startswith(("./", "../", "/", "~")) or source.lower().endswith((".gguf", ".safetensors", ".bin")):
        raise CommandError(f"no such file or folder: {path}")
    return None


def _existing(source: str, folder: Path) -> Path:
    path = folder / typed_path(source)
    if not exists(path):
        raise CommandError(f"no such file or folder: {path}")
    return path


def _parts(path: Path) -> list[Part]:
    if not path.is_dir():
        return [Part(file, file.name) for file in _with_siblings(path)]
    # Others beside those hold the same weights in another form.
    weights = [*path.glob("model*.safetensors")] or [*path.glob("*.safetensors")]
    if weights:
        found = {*weights, *(file for pattern in _WITH_SAFETENSORS for file in path.glob(pattern) if file.is_file())}
    else:
        found = set(path.glob("*.gguf"))
    if not found:
        raise CommandError(f"no GGUF or safetensors files in {path}")
    return [Part(file, file.relative_to(path).as_posix()) for file in sorted(found)]


def _with_siblings(path: Path) -> list[Path]:
    """All files of a split GGUF when one of them is named."""
    match = _SPLIT.match(path.name)
    if match is None:
        return [path]
    paths = [path.with_name(f"{match[1]}-{number:05}-of-{match[3]}.gguf") for number in range(1, int(match[3]) + 1)]
    missing = [sibling.name for sibling in paths if not sibling.exists()]
    if missing:
        raise CommandError(f"{path.name} is one of {match[3].lstrip('0')} files, of which {missing[0]} is missing")
    return paths


def _refuse_duplicates(parts: list[Part]) -> None:
    seen: set[str] = set()
    for part in parts:
        if part.name in seen:
            raise CommandError(f"two files are called {part.name}: rename one of them")
        seen.add(part.name)
