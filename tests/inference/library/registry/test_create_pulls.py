"""A model that others are made from is fetched when it is not there."""

from functools import partial
from pathlib import Path

import pytest

from inference.creation.create import create_model
from inference.creation.request import CreateRequest
from inference.errors import ModelNotFound
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.registry.pulls import Pulls
from tests.docker_registry import DockerRegistry
from tests.inference.tiny_models import write_llama


@pytest.fixture(scope="module")
def base(docker: DockerRegistry, tmp_path_factory: pytest.TempPathFactory) -> str:
    weights = write_llama(tmp_path_factory.mktemp("base") / "tiny.gguf", None).read_bytes()
    docker.push("library/base", "latest", {"model": weights, "system": b"Be brief."}, b'{"model_format":"gguf"}')
    return f"{docker.host}/library/base"


async def test_base_that_is_missing_is_pulled_first(library: Library, pulls: Pulls, base: str) -> None:
    request = CreateRequest(model="mine", base=base, parameters={"top_k": 2})

    statuses = [step.status async for step in create_model(library, request, pull=partial(pulls.pull, insecure=True))]

    assert statuses[0] == "pulling manifest"
    assert statuses.count("success") == 1
    assert statuses[-1] == "success"
    mine = library.find(parse_name("mine"), asked="mine")
    assert library.defaults(mine).system == "Be brief."
    assert library.defaults(mine).parameters == {"top_k": 2}


async def test_base_that_is_nowhere_makes_no_model(library: Library, pulls: Pulls, base: str) -> None:
    with pytest.raises(Exception, match="pull model manifest: file does not exist"):
        async for _ in create_model(library, CreateRequest(model="m", base=base + "x"), pull=partial(pulls.pull, insecure=True)):
            pass
    with pytest.raises(ModelNotFound, match="model 'nothing' not found"):
        await anext(create_model(library, CreateRequest(model="m", base="nothing")))
    assert library.list_models() == []


async def test_blobs_of_a_base_that_is_deleted_meanwhile_stay(library: Library, pulls: Pulls, base: str, tmp_path: Path) -> None:
    async for _ in pulls.pull(base, insecure=True):
        pass
    steps = create_model(library, CreateRequest(model="mine", base=base, system="x"))
    async for step in steps:
        if step.status == "writing manifest":
            library.delete(parse_name(base), asked=base)

    (model,) = library.list_models()
    assert model.name.shortest == "mine:latest"
    assert library.metadata(model).num_tensors > 0
