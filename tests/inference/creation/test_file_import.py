from pathlib import Path

import pytest

from inference.creation.file_import import import_file, import_listed
from inference.errors import InvalidRequest
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.writer import human_parameters
from tests.inference.library.files import STRING, gguf
from tests.inference.runner.llama.test_options import write_split
from tests.inference.tiny_models import write_llama


def blobs(library: Library) -> set[str]:
    return {path.name for path in library.blobs.root.iterdir()} if library.blobs.root.exists() else set()


async def test_file_becomes_a_model_of_the_library(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "tiny.gguf", None)
    library = Library(tmp_path / "models")

    steps = [step async for step in import_file(library, path, "me/mine:v1")]

    assert [steps[0].status, steps[-2].status, steps[-1].status] == ["parsing GGUF", "writing manifest", "success"]
    assert max(step.completed for step in steps) == path.stat().st_size
    model = library.find(parse_name("me/mine:v1"), asked="x")
    assert not model.is_linked
    assert model.config.model_family == "llama"
    path.unlink()
    assert library.metadata(model).num_tensors > 0


async def test_any_part_of_a_split_model_stands_for_all(tmp_path: Path) -> None:
    whole = write_llama(tmp_path / "tiny.gguf", None)
    parts = write_split(whole, tmp_path)
    library = Library(tmp_path / "models")

    async for _ in import_file(library, parts[1], "a"):
        pass

    (model,) = library.list_models()
    assert library.metadata(model).num_tensors == Library(tmp_path).file_metadata(whole).num_tensors
    assert not any("split" in key for key in library.metadata(model).values)
    # Of all parts together.
    assert model.config.model_type == human_parameters(library.metadata(model).num_parameters)


async def test_work_that_is_left_leaves_nothing(tmp_path: Path) -> None:
    parts = write_split(write_llama(tmp_path / "tiny.gguf", None), tmp_path)
    library = Library(tmp_path / "models")

    steps = import_file(library, parts[0], "a")
    async for step in steps:
        if step.status == "writing manifest":
            break
    await steps.aclose()

    assert library.list_models() == []
    assert blobs(library) == set()


async def test_file_by_its_name_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "import"
    (folder / "sub").mkdir(parents=True)
    write_llama(folder / "sub" / "tiny.gguf", None)
    (folder / "torn.gguf").write_bytes(b"GGUF")
    library = Library(tmp_path)

    async for _ in import_listed(library, "sub/tiny.gguf", "mine"):
        pass

    assert sorted(model.name.shortest for model in library.list_models()) == ["mine:latest", "tiny:latest"]
    for name in ("../import/sub/tiny.gguf", "/etc/passwd", "sub", "", "gone.gguf", "torn.gguf"):
        with pytest.raises(InvalidRequest):
            await anext(import_listed(library, name, "other"))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "supplied file was not in GGUF format"),
        (gguf(), "the supplied file is cut short"),
        (gguf({"general.architecture": (STRING, "clip")}, {}), "holds no model that could be used alone"),
    ],
)
async def test_file_that_is_no_model_is_refused_before_anything_is_done(tmp_path: Path, content: bytes, error: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    library = Library(tmp_path / "models")

    with pytest.raises(InvalidRequest, match=error):
        await anext(import_file(library, path, "x"))
    with pytest.raises(InvalidRequest, match="invalid model name"):
        await anext(import_file(library, path, "../x"))
    assert blobs(library) == set()
