"""Models of Hugging Face whose weights lie in several files."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gguf
import pytest

from inference.errors import NotInRegistry, RegistryError, RegistryRefused
from inference.library.errors import GGUFError
from inference.library.models import InstalledModel, Library
from inference.library.names import parse_name
from inference.library.registry.logins import Login
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from tests.inference.library.registry.conftest import QUICK
from tests.inference.library.registry.faulty_proxy import FaultyProxy, is_manifest
from tests.inference.library.registry.hub import Hub
from tests.inference.library.registry.pulling import pull, statuses
from tests.inference.tiny_models import write_llama


def split(source: Path, count: int) -> dict[str, bytes]:
    """The parts as llama.cpp's gguf-split names them, written by the `gguf` package."""
    reader = gguf.GGUFReader(source)
    target = source.with_name("split") / "weights.gguf"
    target.parent.mkdir()
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture, split_max_tensors=-(-len(reader.tensors) // count))
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            kinds = field.types
            writer.add_key_value(field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {path.name: path.read_bytes() for path in sorted(target.parent.iterdir())}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("whole") / "whole.gguf", None)


@pytest.fixture(scope="module")
def parts(whole: Path) -> list[bytes]:
    parts = list(split(whole, 3).values())
    assert len(parts) == 3
    return parts


def named(parts: list[bytes], stem: str) -> dict[str, bytes]:
    return {f"{stem}-{index:05}-of-{len(parts):05}.gguf": content for index, content in enumerate(parts, 1)}


@pytest.fixture
async def host(parts: list[bytes]) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy("http://127.0.0.1:9") as host:
        host.before = Hub({**named(parts, "Q4_K_M/model-Q4_K_M"), **named(parts[::-1], "model-Q9_9")})
        yield host


@pytest.fixture
async def pulls(tmp_path: Path, host: FaultyProxy, library: Library) -> AsyncIterator[Pulls]:
    registry = Registry(tmp_path, patience=QUICK, hugging_face={host.host})
    pulls = Pulls(library, registry)
    yield pulls
    await pulls.close()
    await registry.close()


def tensors(path: Path) -> dict[str, Any]:
    return {tensor.name: (tensor.tensor_type, tensor.data.tobytes()) for tensor in gguf.GGUFReader(path).tensors}


def installed(library: Library, name: str) -> InstalledModel:
    return library.find(parse_name(name), asked=name)


@pytest.mark.parametrize("tag", ["latest", "Q4_K_M", "q4_k_m"])
async def test_parts_become_one_file(
    host: FaultyProxy, library: Library, pulls: Pulls, whole: Path, parts: list[bytes], tag: str
) -> None:
    name = f"{host.host}/people/model:{tag}"
    steps = await pull(pulls, name)

    model = installed(library, name)
    assert model.model_path is not None
    assert tensors(model.model_path) == tensors(whole)
    values = library.metadata(model).values
    assert [key for key in values if key.startswith("split.")] == []
    assert values["general.architecture"] == "llama"
    assert [status for status in statuses(steps) if not status.startswith("pulling ")] == [
        "verifying sha256 digest",
        "merging split model",
        "writing manifest",
        "success",
    ]
    # The parts are gone: one blob of weights and one config are left.
    assert len(list(library.blobs.root.iterdir())) == 2


async def test_same_commit_is_not_fetched_again(host: FaultyProxy, library: Library, pulls: Pulls) -> None:
    name = f"{host.host}/people/model:Q4_K_M"
    await pull(pulls, name)
    digest = installed(library, name).digest
    host.asked.clear()

    assert statuses(await pull(pulls, name))[-1] == "success"
    assert [asked.target for asked in host.asked if "/resolve/" in asked.target] == []
    assert installed(library, name).digest == digest


async def test_projector_comes_with_it(host: FaultyProxy, library: Library, pulls: Pulls, parts: list[bytes]) -> None:
    files = {"mmproj-BF16.gguf": b"other", "mmproj-model-F16.gguf": b"sees"}
    host.before = Hub({**named(parts, "model Q4_K_M"), **files})
    name = f"{host.host}/people/model"
    await pull(pulls, name)

    model = installed(library, name)
    assert model.projector_path is not None
    assert model.projector_path.read_bytes() == b"sees"
    assert model.config.model_families == ["llama", "clip"]


async def test_unknown_quantisation_is_answered_with_those_there_are(host: FaultyProxy, pulls: Pulls) -> None:
    with pytest.raises(NotInRegistry, match=r"\Apull model manifest: there is no Q2_K, but Q4_K_M, Q9_9\Z"):
        await pull(pulls, f"{host.host}/people/model:Q2_K")


async def test_parts_that_do_not_belong_together_are_refused(host: FaultyProxy, library: Library, pulls: Pulls) -> None:
    with pytest.raises(GGUFError, match="part 1 of the split model does not belong to the others"):
        await pull(pulls, f"{host.host}/people/model:Q9_9")
    assert list(library.manifests.names()) == []


async def test_refusal_of_what_is_not_split_is_told(host: FaultyProxy, pulls: Pulls, parts: list[bytes]) -> None:
    # One part is missing.
    host.before = Hub(dict(list(named(parts, "model-Q4_K_M").items())[:2]))
    with pytest.raises(RegistryError, match=r"pull model manifest: 127.0.0.1 answers 400: The specified repository contains"):
        await pull(pulls, f"{host.host}/people/model")


async def test_gated_repository_wants_a_token(host: FaultyProxy, library: Library, pulls: Pulls, parts: list[bytes]) -> None:
    host.before = Hub(named(parts, "model-Q8_0"), token="hf_abc")
    name = f"{host.host}/people/model"
    with pytest.raises(RegistryRefused, match=r"access denied by 127.0.0.1 \(401\): Access to model people/model is restricted"):
        await pull(pulls, name)

    steps = [step async for step in pulls.pull(name, insecure=True, login=Login(password="hf_abc"))]
    assert statuses(steps)[-1] == "success"


@pytest.mark.parametrize(
    "change",
    [
        lambda listing: listing.update(sha="../../x"),
        lambda listing: listing["siblings"][0]["lfs"].update(sha256="../../../etc/passwd"),
        lambda listing: listing["siblings"][0]["lfs"].update(size=-5),
        lambda listing: listing["siblings"][0].pop("lfs"),
        lambda listing: listing.update(siblings="x"),
        lambda listing: listing.pop("siblings"),
    ],
)
async def test_hostile_list_is_refused(
    host: FaultyProxy, library: Library, pulls: Pulls, parts: list[bytes], change: Any
) -> None:
    hub = Hub(named(parts, "model-Q8_0"))
    listing: Any = hub.listing()
    change(listing)
    hub.listing = lambda: listing  # type: ignore[method-assign]
    host.before = hub
    with pytest.raises(RegistryError, match="pull model manifest: "):
        await pull(pulls, f"{host.host}/people/model")
    assert [asked.target for asked in host.asked if "/resolve/" in asked.target] == []
    assert any(is_manifest(asked) for asked in host.asked)
