import os
import time
from pathlib import Path

import pytest

from inference.errors import ModelNotFound
from inference.library.manifests import LAYER_PREFIX
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.writer import ModelWriter
from tests.inference.library.files import gguf, make_library, make_model

HOUR = 3600.0


def blobs(library: Library) -> set[str]:
    return {path.name for path in library.blobs.root.iterdir()}


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def left_behind(library: Library, name: str, *, seconds: float) -> Path:
    path = library.blobs.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    age(path, seconds)
    return path


def test_delete_removes_what_only_that_model_needs(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "kept", extra={"license": b"shared"})
    before = blobs(library)
    make_model(library, "h/n/Gone:tag", weights=gguf() + b"own", extra={"license": b"shared"})

    library.delete(parse_name("h/n/gone:TAG"), asked="gone")

    assert [model.name.shortest for model in library.list_models()] == ["kept:latest"]
    assert blobs(library) == before
    assert not (library.manifests.root / "h").exists()


def test_delete_of_a_damaged_model(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "torn")
    library.manifests.path(parse_name("torn")).write_bytes(b"{")

    library.delete(parse_name("torn"), asked="torn")

    with pytest.raises(ModelNotFound, match=r"^model 'torn' not found$"):
        library.delete(parse_name("torn"), asked="torn")


def test_delete_keeps_blobs_that_work_holds_until_it_lets_go(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "a")
    weights = library.list_models()[0].manifest.layers[0].digest

    with library.hold([weights]), library.hold([weights]):
        library.delete(parse_name("a"), asked="a")
        assert library.blobs.path(weights).exists()
        assert library.remove_unused([weights]) == []
    assert library.remove_unused([weights]) == [weights]
    assert not library.blobs.path(weights).exists()


def test_nothing_is_removed_while_a_manifest_cannot_be_read(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "a")
    make_model(library, "torn", weights=gguf() + b"torn")
    library.manifests.path(parse_name("torn")).write_bytes(b"{")
    before = blobs(library)

    library.delete(parse_name("a"), asked="a")
    for path in library.blobs.root.iterdir():
        age(path, 2 * HOUR)

    assert library.prune_at_start() == 0
    assert blobs(library) == before


def test_copy_keeps_the_bytes_and_the_case_of_a_name_that_is_there(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    digest = make_model(library, "one", weights=gguf() + b"1")
    make_model(library, "mOdEl", weights=gguf() + b"2")

    assert library.copy(parse_name("ONE"), parse_name("MODEL"), asked="ONE") == digest
    library.copy(parse_name("one"), parse_name("new/Name:x"), asked="one")

    found = {model.name.shortest: model.digest for model in library.list_models()}
    assert found == {"one:latest": digest, "mOdEl:latest": digest, "new/Name:x": digest}


def test_copy_over_a_model_removes_what_only_that_one_needed(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "one", weights=gguf() + b"1", extra={"license": b"shared"})
    needed = blobs(library)
    make_model(library, "two", weights=gguf() + b"2", extra={"license": b"shared"})

    library.copy(parse_name("one"), parse_name("two"), asked="one")
    assert blobs(library) == needed
    library.copy(parse_name("one"), parse_name("ONE"), asked="one")
    assert blobs(library) == needed


def test_copy_of_an_unknown_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r'^model "x" not found$'):
        make_library(tmp_path).copy(parse_name("x"), parse_name("y"), asked="x")


def test_start_removes_only_what_is_old_and_unneeded(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "a")
    for path in library.blobs.root.iterdir():
        age(path, 30 * 24 * HOUR)
    kept = blobs(library)
    digest = "sha256-" + "a" * 64
    gone = [
        left_behind(library, digest, seconds=2 * HOUR),
        left_behind(library, ".new-abc", seconds=2 * HOUR),
        left_behind(library, digest + "-partial", seconds=8 * 24 * HOUR),
    ]
    stay = [
        left_behind(library, "sha256-" + "b" * 64, seconds=HOUR / 2),
        left_behind(library, "sha256-" + "c" * 64 + "-partial-0", seconds=3 * 24 * HOUR),
        left_behind(library, "notes.txt", seconds=30 * 24 * HOUR),
    ]

    assert library.prune_at_start() == len(gone)
    assert blobs(library) == kept | {path.name for path in stay}
    assert Library(library.models_dir, prunes=False).prune_at_start() == 0


def test_start_keeps_all_of_a_download_that_went_on_lately(tmp_path: Path) -> None:
    """The state of a part that came first is as old as that part."""
    library = make_library(tmp_path)
    partial = "sha256-" + "a" * 64 + "-partial"
    for name, seconds in ((partial, HOUR), (f"{partial}-0", 9 * 24 * HOUR), (f"{partial}-1", HOUR)):
        left_behind(library, name, seconds=seconds)
    before = blobs(library)

    assert library.prune_at_start() == 0
    assert blobs(library) == before


def test_start_without_a_models_folder(tmp_path: Path) -> None:
    assert make_library(tmp_path).prune_at_start() == 0


def test_replacing_a_model_removes_what_only_the_old_one_needed(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    for text in ("first", "second"):
        writer = ModelWriter(library)
        writer.add(library.blobs.add_bytes(gguf(), LAYER_PREFIX + "model"))
        writer.add_text(text, "system")
        digest = writer.write(parse_name("A" if text == "first" else "a"), {"model_format": "gguf"})

    (model,) = library.list_models()
    assert (model.name.shortest, model.digest) == ("A:latest", digest)
    assert library.defaults(model).system == "second"
    assert len(blobs(library)) == 3
