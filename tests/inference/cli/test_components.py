import hashlib
from pathlib import Path

import pytest

from inference.cli.components import collect
from inference.cli.errors import CommandError
from inference.library.modelfile.modelfile import Modelfile


def test_file_is_named_and_identified(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"weights")

    components = collect(Modelfile(sources=["./model.gguf"]), tmp_path)

    assert [(part.name, part.digest) for part in components.files] == [
        ("model.gguf", f"sha256:{hashlib.sha256(b'weights').hexdigest()}")
    ]
    assert components.base == ""


def test_name_that_is_no_file_is_a_model(tmp_path: Path) -> None:
    components = collect(Modelfile(sources=["smollm2:135m"]), tmp_path)

    assert (components.base, components.files) == ("smollm2:135m", [])


@pytest.mark.parametrize(
    "source",
    ["./your-model-path.gguf", "missing.gguf", "/no/such/file", "~/no-such-model", "~nobody-here/m.gguf", "/" + "m" * 300],
)
def test_path_that_is_not_there_is_no_model(tmp_path: Path, source: str) -> None:
    with pytest.raises(CommandError, match="no such file or folder"):
        collect(Modelfile(sources=[source]), tmp_path)


@pytest.mark.parametrize("adapter", ["~nobody-here/a.gguf", "a" * 300])
def test_adapter_that_is_not_there(tmp_path: Path, adapter: str) -> None:
    with pytest.raises(CommandError, match="no such file or folder"):
        collect(Modelfile(sources=["m"], adapters=[adapter]), tmp_path)


def test_folder_sends_weights_and_what_a_converter_reads(tmp_path: Path) -> None:
    for name in (
        "model.safetensors",
        "config.json",
        "tokenizer.model",
        "README.md",
        "1_Pooling/config.json",
        "chat_template.jinja",
    ):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_text(name)

    components = collect(Modelfile(sources=["folder"]), tmp_path)

    assert [part.name for part in components.files] == [
        "1_Pooling/config.json",
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "tokenizer.model",
    ]


def test_weights_in_another_form_are_not_sent(tmp_path: Path) -> None:
    for name in ("model-00001-of-00001.safetensors", "consolidated.safetensors", "model.safetensors.index.json"):
        (tmp_path / name).touch()

    components = collect(Modelfile(sources=["."]), tmp_path)

    assert [part.name for part in components.files] == ["model-00001-of-00001.safetensors", "model.safetensors.index.json"]


def test_split_file_brings_its_siblings(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"m-0000{number}-of-00002.gguf").touch()

    components = collect(Modelfile(sources=["m-00001-of-00002.gguf"]), tmp_path)

    assert [part.name for part in components.files] == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]


def test_split_file_without_a_sibling_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m-00001-of-00002.gguf").touch()

    with pytest.raises(CommandError, match=r"one of 2 files, of which m-00002-of-00002\.gguf is missing"):
        collect(Modelfile(sources=["m-00001-of-00002.gguf"]), tmp_path)


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(CommandError, match="no GGUF or safetensors files"):
        collect(Modelfile(sources=["./empty"]), tmp_path)
