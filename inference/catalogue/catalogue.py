"""The catalogue: which models are worth looking at, for whom, and how large they are. It is data, one file a family.

`families/*.json` says in English and Simplified Chinese what a family is good for. Names are those of Ollama's registry, or
of Hugging Face (`hf.co/…`) where that has files llama.cpp reads and Ollama's registry has not. `download_bytes` and
`parameters` are what the makers publish, rounded: good for choosing, not for counting. `context` is in tokens; a size
repeats what differs from its family. A mixture of experts says how many parameters a token goes through.
"""

import functools
from pathlib import Path

import msgspec

from inference.library.names import ModelName, parse_name

LANGUAGES = ("en", "zh-hans")
_FOLDER = Path(__file__).parent / "families"

Text = dict[str, str]


class SizeData(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    parameters: int
    download_bytes: int
    quantization: str
    active_parameters: int | None = None
    context: int | None = None
    capabilities: list[str] | None = None
    license: str | None = None


class Family(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts by language. `languages` are those the models know well (ISO 639-1), the best first; `rank` orders the list."""

    family: str
    title: str
    vendor: Text
    license: str
    languages: list[str]
    capabilities: list[str]
    context: int
    summary: Text
    good_for: Text
    rank: int
    sizes: list[SizeData]


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a family, with what it has of the family."""

    name: str
    parameters: int
    active_parameters: int
    download_bytes: int
    quantization: str
    context: int
    capabilities: list[str]
    license: str

    @property
    def writes_text(self) -> bool:
        return "completion" in self.capabilities


@functools.cache
def families() -> tuple[Family, ...]:
    """In the order of the list."""
    read = [msgspec.json.decode(path.read_bytes(), type=Family) for path in _FOLDER.glob("*.json")]
    return tuple(sorted(read, key=lambda family: (family.rank, family.family)))


def sizes_of(family: Family) -> list[Size]:
    return [
        Size(
            name=size.name,
            parameters=size.parameters,
            active_parameters=size.active_parameters or size.parameters,
            download_bytes=size.download_bytes,
            quantization=size.quantization,
            context=size.context or family.context,
            capabilities=size.capabilities or family.capabilities,
            license=size.license or family.license,
        )
        for size in family.sizes
    ]


def find_size(name: ModelName) -> Size | None:
    """By its name in any case."""
    return _by_name().get(name.folded)


def text_in(text: Text, language: str) -> str:
    """In that language, else in English."""
    return text.get(language) or text[LANGUAGES[0]]


def choose_language(asked: str) -> str:
    """The catalogue's language nearest to a language tag such as "zh-CN", "zh_Hans" or "de"."""
    return LANGUAGES[1] if asked.strip().lower().startswith("zh") else LANGUAGES[0]


@functools.cache
def _by_name() -> dict[tuple[str, str, str, str], Size]:
    return {parse_name(size.name).folded: size for family in families() for size in sizes_of(family)}
