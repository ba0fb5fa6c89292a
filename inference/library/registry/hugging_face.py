"""Models of Hugging Face whose weights lie in several files: it speaks Ollama's protocol for all others.

`GET /api/models/<user>/<repo>?blobs=true` lists the files with the sha256 of each; `/<user>/<repo>/resolve/<commit>/<file>`
gives one. Both are described at https://huggingface.co/docs/hub/api.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

import msgspec

from inference.errors import NotInRegistry, RegistryError
from inference.library.manifests import LAYER_PREFIX, Layer
from inference.library.names import DEFAULT_TAG
from inference.library.registry.checks import check_layer
from inference.library.registry.repository import Repository, check_status
from inference.library.registry.responses import read_bounded
from inference.library.split import part_of

_LONGEST_LIST = 16 * 1024 * 1024
_MOST_PARTS = 1000
#: Which is taken when none is asked for, the first that is there: as Hugging Face chooses among whole files.
_USUAL = ("Q4_K_M", "Q4_K_S", "Q4_0", "IQ4_XS", "Q5_K_M", "Q6_K", "Q8_0", "F16", "BF16")
_QUANTISATION = re.compile(r"(?:^|[-_./])((?:UD-)?(?:I?Q\d\w*|TQ\d\w*|BF16|F16|F32|MXFP4\w*))(?=$|[-./])", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


class _LFS(msgspec.Struct):
    sha256: str = ""
    size: int = -1


class _File(msgspec.Struct):
    rfilename: str
    lfs: _LFS | None = None


class _Listing(msgspec.Struct):
    sha: str
    siblings: list[_File]


_decoder = msgspec.json.Decoder(_Listing)


@dataclass(frozen=True)
class SplitModel:
    """The blobs of one model: its weights in their order, and the part that sees images where there is one."""

    parts: list[Layer]
    projector: Layer | None = None

    @property
    def layers(self) -> list[Layer]:
        return [*self.parts, *([self.projector] if self.projector else [])]


async def find_split_model(repository: Repository) -> SplitModel | None:
    """The one that the name's tag means; None when nothing there is split. Raises `RegistryError`.

    Tells `repository` where its files lie.
    """
    listing = await repository.patience.retry(lambda: _list(repository), tries=4)
    groups = _groups(listing.siblings)
    if not groups:
        return None
    parts = groups[_choose(groups, repository.remote.name.tag)]
    projector = _projector(listing.siblings)
    return SplitModel(
        [_layer(repository, listing.sha, file, "model") for file in parts],
        None if projector is None else _layer(repository, listing.sha, projector, "projector"),
    )


async def _list(repository: Repository) -> _Listing:
    name = repository.remote.name
    url = repository.origin.join(f"/api/models/{name.namespace}/{name.model}?blobs=true")
    async with repository.request("GET", url) as response:
        await check_status(response)
        content = await read_bounded(response, _LONGEST_LIST)
    try:
        listing = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RegistryError("the list of the repository's files cannot be read") from None
    if not _COMMIT.match(listing.sha):
        raise RegistryError("the list of the repository's files cannot be read")
    return listing


def _groups(files: list[_File]) -> dict[str, list[_File]]:
    """The parts of each split model that is complete, in their order, by its path without the parts' numbers."""
    found: dict[tuple[str, int], dict[int, _File]] = defaultdict(dict)
    for file in files:
        path = PurePosixPath(file.rfilename)
        part = part_of(path.name)
        if part is not None and 1 < part.count <= _MOST_PARTS and not path.name.lower().startswith("mmproj"):
            found[str(path.with_name(part.name).with_suffix("")), part.count][part.number] = file
    return {
        stem: [parts[number] for number in range(1, count + 1)]
        for (stem, count), parts in found.items()
        if parts.keys() == set(range(1, count + 1))
    }


def _choose(groups: dict[str, list[_File]], tag: str) -> str:
    """Raises `NotInRegistry`, saying what there is."""
    if tag.lower() == DEFAULT_TAG:
        usual = (stem for quantisation in _USUAL for stem in sorted(groups, key=len) if _is_of(stem, quantisation))
        return next(usual, min(groups, key=lambda stem: sum(_size(file) for file in groups[stem])))
    matching = sorted((stem for stem in groups if _is_of(stem, tag)), key=len)
    if not matching:
        names = sorted({match[1].upper() if (match := _QUANTISATION.search(stem)) else stem for stem in groups})
        raise NotInRegistry(f"there is no {tag}, but {', '.join(names)[:300]}")
    return matching[0]


def _is_of(stem: str, tag: str) -> bool:
    return re.search(rf"(?:^|[-_./]){re.escape(tag)}(?:$|[-_./])", stem, re.IGNORECASE) is not None


def _projector(files: list[_File]) -> _File | None:
    """F16 before others, which few encoders can be run in."""
    named = [file for file in files if re.match(r"mmproj.*\.gguf\Z", PurePosixPath(file.rfilename).name, re.IGNORECASE)]
    return min(named, key=lambda file: (not _is_of(PurePosixPath(file.rfilename).stem, "F16"), file.rfilename), default=None)


def _layer(repository: Repository, commit: str, file: _File, kind: str) -> Layer:
    """Raises `RegistryError` for a file whose digest or size is not told, or impossible."""
    lfs = file.lfs or _LFS()
    layer = Layer(media_type=LAYER_PREFIX + kind, digest=f"sha256:{lfs.sha256}", size=lfs.size)
    check_layer(layer)
    name = repository.remote.name
    path = f"/{name.namespace}/{name.model}/resolve/{commit}/{quote(file.rfilename)}"
    repository.places[layer.digest] = repository.origin.copy_with(raw_path=path.encode())
    return layer


def _size(file: _File) -> int:
    return file.lfs.size if file.lfs is not None else 0
