"""Files in the import folder are models over HTTP: they are listed, run, copied, and never touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.service import Service
from tests.inference.runner.llama.test_options import write_split
from tests.inference.tiny_models import write_llama

PROMPT = {"prompt": "one two three", "raw": True, "stream": False, "options": {"num_predict": 4, "temperature": 0}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imports")
    write_llama(folder / "Tiny Model.gguf", None)
    for path in write_split(folder / "Tiny Model.gguf", folder):
        path.rename(folder / path.name.replace("model-", "parts-"))
    (folder / "torn.gguf").write_bytes(b"GGUF")
    folder.chmod(0o555)
    return folder


@pytest.fixture(scope="module")
def importing(service: Service, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("importing") / "data"
    own = Service(data, HEARTH_IMPORT=str(folder), OLLAMA_CONTEXT_LENGTH="64", OLLAMA_NUM_PARALLEL="1").start()
    yield own
    assert own.stop() == 0


def test_files_run_as_they_lie_whole_and_split(importing: Service) -> None:
    with importing.client() as client:
        listed = {model["name"]: model for model in client.get("/api/tags").json()["models"]}
    whole = importing.post("/api/generate", {"model": "tiny-model", **PROMPT}).json()
    parts = importing.post("/api/generate", {"model": "PARTS", **PROMPT}).json()

    assert {"Tiny-Model:latest", "parts:latest", "smollm2:135m"} == set(listed)
    assert listed["parts:latest"]["capabilities"] == ["completion"]
    assert listed["parts:latest"]["details"]["parameter_size"] == listed["Tiny-Model:latest"]["details"]["parameter_size"]
    assert whole["response"] == parts["response"] != ""


def test_files_are_described(importing: Service) -> None:
    with importing.client() as client:
        files = {file["name"]: file for file in client.get("/api/hearth/files").json()["files"]}

    assert set(files) == {"Tiny Model.gguf", "parts-00001-of-00002.gguf", "torn.gguf"}
    whole, parts, torn = files["Tiny Model.gguf"], files["parts-00001-of-00002.gguf"], files["torn.gguf"]
    assert (whole["model"], whole["role"], whole["num_files"], parts["num_files"]) == ("Tiny-Model:latest", "model", 1, 2)
    assert whole["details"]["family"] == "llama"
    assert (torn["error"], torn["model"], torn["details"]) == ("the file is cut short", "", {})


def test_copy_is_a_model_of_the_librarys_own(importing: Service) -> None:
    assert importing.post("/api/copy", {"source": "parts", "destination": "copied"}).status_code == 200
    created = importing.post("/api/create", {"model": "made", "from": "tiny-model", "system": "S", "stream": False})

    answers = [importing.post("/api/generate", {"model": name, **PROMPT}).json() for name in ("copied", "parts", "made")]

    assert created.json() == {"status": "success"}
    assert len({answer["response"] for answer in answers}) == 1
    with importing.client() as client:
        codes = [client.request("DELETE", "/api/delete", json={"model": name}).status_code for name in ("copied", "made")]
    assert codes == [200, 200]


def test_delete_is_refused_and_says_what_to_do(importing: Service, folder: Path) -> None:
    with importing.client() as client:
        response = client.request("DELETE", "/api/delete", json={"model": "tiny-model"})

    assert response.status_code == 400
    assert response.json()["error"] == (
        "model 'tiny-model' is the file Tiny Model.gguf in the import folder, which Hearth leaves alone: remove it there"
    )
    assert (folder / "Tiny Model.gguf").exists()


def test_show_names_the_file(importing: Service, folder: Path) -> None:
    shown = importing.post("/api/show", {"model": "parts"}).json()

    assert f"\nFROM {folder}/parts-00001-of-00002.gguf\nFROM {folder}/parts-00002-of-00002.gguf\n" in shown["modelfile"]
