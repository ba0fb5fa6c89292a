import json
import logging
import time
from pathlib import Path

import pytest

from inference.errors import ModelNotFound
from inference.library.errors import LibraryError
from inference.library.models import Library
from inference.library.names import parse_name
from tests.inference.library.files import gguf, make_library, make_model


def names(library: Library) -> list[str]:
    return sorted(model.name.shortest for model in library.list_models())


def test_damaged_models_hide_only_themselves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    library = make_library(tmp_path)
    for name in ("good", "torn", "gone", "short"):
        make_model(library, name, weights=gguf() + name.encode())
    library.manifests.path(parse_name("torn")).write_bytes(b'{"layers": [')
    gone = library.find(parse_name("gone"), asked="gone").model_path
    short = library.find(parse_name("short"), asked="short").model_path
    assert gone is not None
    assert short is not None
    gone.unlink()
    short.write_bytes(b"GGUF")

    with caplog.at_level(logging.WARNING):
        assert names(library) == ["good:latest"]
        assert names(library) == ["good:latest"]
    assert sorted(record.args[0] for record in caplog.records if isinstance(record.args, tuple)) == [
        "gone:latest",
        "short:latest",
        "torn:latest",
    ]
    with pytest.raises(ModelNotFound, match="model 'gone' is damaged: its model blob is missing"):
        library.find(parse_name("gone"), asked="gone")


def test_mended_model_comes_back(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "a")
    path = library.list_models()[0].model_path
    assert path is not None
    content = path.read_bytes()
    path.unlink()
    assert names(library) == []
    path.write_bytes(content)
    assert names(library) == ["a:latest"]


@pytest.mark.parametrize("kind", ["params", "messages"])
@pytest.mark.parametrize("content", [b"", b"{", b"5", b"\xff", b"[" * 5000])
def test_unreadable_layer_is_an_error_of_the_library(tmp_path: Path, kind: str, content: bytes) -> None:
    library = make_library(tmp_path)
    make_model(library, "a", extra={kind: content})
    with pytest.raises(LibraryError, match=f"its {kind} blob cannot be read"):
        library.defaults(library.list_models()[0])


def test_unknown_model_quotes_the_name_as_asked(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"^model 'x' not found$"):
        make_library(tmp_path).find(parse_name("x"), asked="x")


def test_empty_library_lists_nothing(tmp_path: Path) -> None:
    assert make_library(tmp_path).list_models() == []


def test_listing_notices_what_changes(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "a")
    make_model(library, "b")
    assert names(library) == ["a:latest", "b:latest"]
    digest = make_model(library, "b", weights=gguf() + b"new")
    library.manifests.path(parse_name("a")).unlink()

    assert [(model.name.shortest, model.digest) for model in library.list_models()] == [("b:latest", digest)]


def test_find_matches_in_any_case(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    digest = make_model(library, "mOdEl:Tag")

    assert library.find(parse_name("MODEL:tag"), asked="MODEL:tag").digest == digest


def test_defaults_are_those_of_the_layers(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    messages = [{"role": "user", "content": "hi"}]
    extra = {
        "params": json.dumps({"temperature": 0.5, "stop": ["x"]}).encode(),
        "system": b"You are kind.\n",
        "messages": json.dumps(messages).encode(),
    }
    make_model(library, "full", extra=extra)
    make_model(library, "plain")
    full = library.defaults(library.find(parse_name("full"), asked="full"))
    plain = library.defaults(library.find(parse_name("plain"), asked="plain"))

    assert (full.parameters, full.system, full.messages) == ({"temperature": 0.5, "stop": ["x"]}, "You are kind.", messages)
    assert (plain.parameters, plain.system, plain.messages) == ({}, "", [])


def test_listing_five_hundred_models_again_takes_less_than_a_tenth_of_a_second(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    make_model(library, "m0")
    content = library.manifests.path(parse_name("m0")).read_bytes()
    for number in range(1, 500):
        path = library.manifests.path(parse_name(f"m{number}"))
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert len(library.list_models()) == 500

    def seconds() -> float:
        started = time.process_time()
        library.list_models()
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < 0.1
