import logging
import os
import shutil
import time
from pathlib import Path

import pytest

from inference.errors import InvalidRequest, ModelNotFound
from inference.library.import_folder import valid_name
from inference.library.models import Library
from inference.library.names import parse_name
from tests.inference.library.files import STRING, TINY, U16, U32, gguf, make_model

DATA = bytes(256)
PROJECTOR = gguf({"general.architecture": (STRING, "clip")}) + DATA


def put(folder: Path, name: str, content: bytes | None = None) -> Path:
    path = folder / "import" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gguf() + DATA if content is None else content)
    return path


def part(number: int, count: int) -> bytes:
    split = {"split.no": (U16, number - 1), "split.count": (U16, count)}
    return gguf({**(TINY if number == 1 else {}), **split}, {f"t{number}": [8, 4]}) + DATA


def names(library: Library) -> list[str]:
    return sorted(model.name.shortest for model in library.list_models())


def test_file_is_a_model_as_it_lies(tmp_path: Path) -> None:
    path = put(tmp_path, "Qwen2.5-7B-Instruct-Q4_K_M.gguf")
    library = Library(tmp_path)

    (model,) = library.list_models()

    assert model.name.shortest == "Qwen2.5-7B-Instruct-Q4_K_M:latest"
    assert library.find(parse_name("qwen2.5-7b-instruct-q4_k_m"), asked="x") == model
    assert (model.model_path, model.size, model.is_linked) == (path, path.stat().st_size, True)
    assert (model.config.model_family, model.config.file_type) == ("llama", "Q4_K_M")
    assert library.capabilities(model) == ["completion"]
    assert library.defaults(model).parameters == {}
    path.unlink()
    assert names(library) == []
    with pytest.raises(ModelNotFound):
        library.find(model.name, asked="x")


def test_digest_stays_until_the_file_changes(tmp_path: Path) -> None:
    path = put(tmp_path, "a.gguf")
    library = Library(tmp_path)
    first, second = library.list_models()[0].digest, Library(tmp_path).list_models()[0].digest
    os.utime(path, (1, 1))

    assert first == second != library.list_models()[0].digest


def test_parts_are_one_model_with_all_their_tensors(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"big-0000{number}-of-00003.gguf", part(number, 3)) for number in (1, 2, 3)]
    library = Library(tmp_path)

    (model,) = library.list_models()

    assert model.name.shortest == "big:latest"
    assert (model.model_path, list(model.part_paths)) == (paths[0], paths)
    assert model.size == sum(path.stat().st_size for path in paths)
    assert library.metadata(model).num_parameters == 3 * 32


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.gguf", b"", "the file is cut short"),
        ("a.gguf", b"not a model", "the file is not in GGUF format"),
        ("a.gguf", gguf(), "it is cut short by 1"),
        ("a-00002-of-00002.gguf", part(2, 2), "part 1 of 2 of a.gguf is missing"),
    ],
)
def test_broken_file_is_told_of_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes, error: str
) -> None:
    put(tmp_path, name, content)
    put(tmp_path, "good.gguf")
    library = Library(tmp_path)

    with caplog.at_level(logging.WARNING):
        assert names(library) == names(library) == ["good:latest"]
        assert {file.name: file.error[: len(error)] for file in library.import_folder.files()}[name] == error
    assert len([record for record in caplog.records if "left out" in record.message]) == 1


def test_what_is_no_model_file_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "notes.txt", b"hello")
    put(tmp_path, ".hidden.gguf")
    put(tmp_path, "a/b/c/d/deep.gguf")
    (tmp_path / "import" / "gone.gguf").symlink_to(tmp_path / "nothing")
    (tmp_path / "import" / "loop").symlink_to(tmp_path / "import")
    Path(os.fsdecode(os.fsencode(tmp_path / "import") + b"/\xff.gguf")).write_bytes(gguf() + DATA)
    (tmp_path / "import" / "folder.gguf").mkdir()
    os.mkfifo(tmp_path / "import" / "pipe.gguf")

    assert names(Library(tmp_path)) == []


def test_link_to_a_file_elsewhere_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.gguf"
    elsewhere.write_bytes(gguf() + DATA)
    (tmp_path / "import").mkdir()
    (tmp_path / "import" / "linked.gguf").symlink_to(elsewhere)

    assert names(Library(tmp_path)) == ["linked:latest"]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("a.gguf", "a"),
        ("A b (1).GGUF", "A-b-1"),
        ("-..x.gguf", "x"),
        ("通义7B.gguf", "7B"),
        ("../x.gguf", "x"),
        ("a\nb\0.gguf", "a-b"),
        ("x" * 200 + ".gguf", "x" * 80),
    ],
)
def test_names_are_made_valid(name: str, model: str) -> None:
    found = valid_name(name)

    assert found == model
    assert parse_name(found).model == found


def test_name_of_nothing_that_a_name_can_hold_is_a_number_of_its_own() -> None:
    first, second = valid_name("通义千问.gguf"), valid_name("文心一言.gguf")

    assert first.startswith("model-")
    assert first == valid_name("通义千问.gguf") != second


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path, "a/m.gguf")
    put(tmp_path, "b/M.gguf")

    first, second = names(Library(tmp_path))

    assert {first, second} == set(names(Library(tmp_path)))
    assert second == "m:latest"
    assert first.startswith("M-")


def test_installed_model_hides_a_file_of_its_name(tmp_path: Path) -> None:
    library = Library(tmp_path)
    digest = make_model(library, "A")
    put(tmp_path, "a.gguf")

    assert [(model.name.shortest, model.digest) for model in library.list_models()] == [("A:latest", digest)]
    assert library.find(parse_name("a"), asked="a").digest == digest


def test_projector_goes_with_the_model_it_names_or_the_only_one(tmp_path: Path) -> None:
    put(tmp_path, "one/model.gguf")
    only = put(tmp_path, "one/mmproj.gguf", PROJECTOR)
    put(tmp_path, "qwen2-vl-7b-q4_k_m.gguf")
    put(tmp_path, "llava-q4.gguf")
    named = put(tmp_path, "mmproj-qwen2-vl-7b-f16.gguf", PROJECTOR)

    found = {model.name.model: model.projector_path for model in Library(tmp_path).list_models()}

    assert found == {"model": only, "qwen2-vl-7b-q4_k_m": named, "llava-q4": None}


def test_delete_leaves_the_file_alone_and_says_so(tmp_path: Path) -> None:
    path = put(tmp_path, "a.gguf")

    with pytest.raises(InvalidRequest, match=r"model 'a' is the file a\.gguf in the import folder"):
        Library(tmp_path).delete(parse_name("a"), asked="a")
    assert path.exists()


def test_folder_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    put(tmp_path, "a.gguf")
    (tmp_path / "import").chmod(0o555)
    try:
        assert names(Library(tmp_path / "elsewhere", import_dir=tmp_path / "import")) == ["a:latest"]
    finally:
        (tmp_path / "import").chmod(0o755)


def test_listing_five_hundred_files_again_takes_less_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    content = gguf({**TINY, "general.name": (STRING, "x"), "n": (U32, 1)}) + DATA
    for number in range(500):
        put(tmp_path, f"m{number}.gguf", content)
    library = Library(tmp_path)
    assert len(library.list_models()) == 500

    def seconds() -> float:
        started = time.process_time()
        library.list_models()
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < 0.1
    shutil.rmtree(tmp_path / "import")
    assert library.list_models() == []
