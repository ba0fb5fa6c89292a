"""Which of the files a model is made from are weights, projectors and adapters: told by what they hold, not by their names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from inference.errors import InvalidRequest
from inference.library.errors import GGUFError, LibraryError
from inference.library.gguf import GGUFMetadata, joined, read_metadata
from inference.library.gguf_role import Role, role_of
from inference.library.split import Part, in_order, part_of


@dataclass(frozen=True)
class SourceFile:
    """A GGUF file, or all parts of a split one in their order."""

    role: Role
    paths: list[Path]
    metadata: GGUFMetadata

    @property
    def size(self) -> int:
        """Bytes over all parts."""
        return sum(path.stat().st_size for path in self.paths)


@dataclass
class Sources:
    models: list[SourceFile] = field(default_factory=list)
    projectors: list[SourceFile] = field(default_factory=list)
    adapters: list[SourceFile] = field(default_factory=list)


def read_sources(files: Iterable[tuple[str, Path]]) -> Sources:
    """`files`: names, by which parts of a split model are known, and where their content lies. Raises `InvalidRequest`."""
    sources = Sources()
    for paths in _grouped(list(files)):
        source = read_source(paths)
        {"model": sources.models, "projector": sources.projectors, "adapter": sources.adapters}[source.role].append(source)
    return sources


def read_source(paths: Sequence[Path]) -> SourceFile:
    """Raises `InvalidRequest`."""
    try:
        metadata = joined([read_metadata(path) for path in paths])
        if metadata.missing_bytes:
            raise InvalidRequest(f"the supplied file is cut short by {metadata.missing_bytes} bytes")
    except GGUFError as error:
        raise InvalidRequest(f"supplied file was not in GGUF format ({error})") from None
    if not metadata.architecture:
        raise InvalidRequest("the supplied GGUF file does not say of which architecture it is")
    return SourceFile(role_of(metadata), list(paths), metadata)


def _grouped(files: Sequence[tuple[str, Path]]) -> list[list[Path]]:
    groups: dict[tuple[str, int], list[tuple[Part, Path]]] = {}
    whole = []
    for name, path in files:
        part = part_of(PurePosixPath(name).name)
        if part is None or part.count == 1:
            whole.append([path])
        else:
            groups.setdefault((part.name, part.count), []).append((part, path))
    try:
        return whole + [in_order(parts) for parts in groups.values()]
    except LibraryError as error:
        raise InvalidRequest(str(error)) from None
