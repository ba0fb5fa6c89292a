"""A models folder as Ollama's published rules have it, written here byte by byte, is listed, run and left as it was; and what
Hearth writes follows the same rules."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.service import Service
from tests.inference.tiny_models import write_llama

TYPE = "application/vnd.ollama.image."
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
PROMPT = {"prompt": "one two three", "stream": False, "options": {"num_predict": 3, "temperature": 0}}


class OllamasFolder:
    """Nothing of Hearth is used to write it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def blob(self, media_type: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        path = self.root / "blobs" / f"sha256-{digest}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def model(self, place: str, layers: list[dict[str, Any]], **config: Any) -> None:
        described = {
            **config, "architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }  # fmt: skip
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.blob(CONFIG_TYPE, json.dumps(described, separators=(",", ":")).encode()),
            "layers": layers,
        }
        path = self.root / "manifests" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json.dumps(manifest, separators=(",", ":")).encode())

    def content(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> OllamasFolder:
    folder = OllamasFolder(tmp_path_factory.mktemp("ollama") / "models")
    weights = folder.blob(TYPE + "model", write_llama(tmp_path_factory.mktemp("made") / "tiny.gguf", None).read_bytes())
    gguf = {
        "model_format": "gguf",
        "model_family": "llama",
        "model_families": ["llama"],
        "model_type": "21K",
        "file_type": "F32",
    }
    texts = [
        folder.blob(TYPE + "template", b"{{ .System }} {{ .Prompt }}"),
        folder.blob(TYPE + "system", b"one two"),
        folder.blob(TYPE + "params", b'{"num_ctx":48,"stop":["moon"],"temperature":0.5}'),
        folder.blob(TYPE + "messages", b'[{"role":"user","content":"red"},{"role":"assistant","content":"blue"}]'),
        folder.blob(TYPE + "license", b"First licence"),
        folder.blob(TYPE + "license", b"Second licence"),
    ]
    folder.model("registry.ollama.ai/library/tiny/latest", [weights, *texts], **gguf)
    folder.model("registry.ollama.ai/someone/Tiny/v1.0", [weights], **gguf)
    folder.model("hf.co/User/Repo-GGUF/Q4_K_M", [weights], **gguf)
    tensors = [folder.blob(TYPE + "tensor", b"some tensor") | {"name": "model.embed_tokens.weight"}]
    folder.model(
        "registry.ollama.ai/library/safe/latest",
        tensors,
        model_format="safetensors",
        model_family="qwen3",
        capabilities=["completion"],
    )
    folder.blob(TYPE + "model", b"a blob that no manifest names")
    return folder


@pytest.fixture(scope="module")
def mounted(service: Service, folder: OllamasFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    # As Hearth remembers a starter that was there once: it is not to be put among Ollama's models.
    (folder.root / ".hearth-starter.json").write_text("{}")
    data = tmp_path_factory.mktemp("mounted") / "data"
    own = Service(data, OLLAMA_MODELS=str(folder.root), OLLAMA_NUM_PARALLEL="1").start()
    yield own
    assert own.stop() == 0


def test_everything_in_it_is_listed_by_ollamas_names(mounted: Service, folder: OllamasFolder) -> None:
    with mounted.client() as client:
        models = {model["name"]: model for model in client.get("/api/tags").json()["models"]}

    assert set(models) == {"tiny:latest", "someone/Tiny:v1.0", "hf.co/User/Repo-GGUF:Q4_K_M", "safe:latest"}
    manifest = (folder.root / "manifests/registry.ollama.ai/library/tiny/latest").read_bytes()
    assert models["tiny:latest"]["digest"] == hashlib.sha256(manifest).hexdigest()
    layers = [json.loads(manifest)["config"], *json.loads(manifest)["layers"]]
    assert models["tiny:latest"]["size"] == sum(layer["size"] for layer in layers)
    assert models["safe:latest"]["details"]["format"] == "safetensors"


def test_it_runs_and_is_shown_and_left_as_it_was(mounted: Service, folder: OllamasFolder) -> None:
    before = folder.content()

    names = ("tiny", "SOMEONE/tiny:V1.0", "hf.co/user/repo-gguf:q4_k_m")
    answers = [mounted.post("/api/generate", {"model": name, **PROMPT}) for name in names]
    shown = mounted.post("/api/show", {"model": "tiny"}).json()

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all(answer.json()["done"] for answer in answers)
    assert (shown["template"], shown["system"]) == ("{{ .System }} {{ .Prompt }}", "one two")
    assert shown["license"] == "First licence\nSecond licence"
    assert shown["messages"] == [{"role": "user", "content": "red"}, {"role": "assistant", "content": "blue"}]
    assert shown["parameters"].split("\n")[0] == f"{'num_ctx':<30} 48"
    assert folder.content() == before


def test_safetensors_model_is_shown_and_refused_by_name(mounted: Service) -> None:
    shown = mounted.post("/api/show", {"model": "safe"})
    refused = mounted.post("/api/generate", {"model": "safe", **PROMPT})

    assert (shown.status_code, shown.json()["details"]["family"]) == (200, "qwen3")
    error = '"safe:latest" is in a format Hearth cannot run (safetensors); it runs GGUF models'
    assert (refused.status_code, refused.json()["error"]) == (400, error)


def test_what_is_made_in_it_follows_the_rules(mounted: Service, folder: OllamasFolder) -> None:
    body = {
        "model": "me/Made:v2",
        "from": "tiny",
        "system": "new",
        "parameters": {"top_k": 5},
        "license": "Third",
        "stream": False,
    }
    assert mounted.post("/api/create", body).json() == {"status": "success"}

    path = folder.root / "manifests/registry.ollama.ai/me/Made/v2"
    manifest = json.loads(path.read_bytes())
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, MANIFEST_TYPE)
    assert manifest["config"]["mediaType"] == CONFIG_TYPE
    contents = {}
    for layer in [manifest["config"], *manifest["layers"]]:
        content = (folder.root / "blobs" / layer["digest"].replace(":", "-")).read_bytes()
        assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (layer["size"], layer["digest"])
        contents.setdefault(layer["mediaType"].removeprefix(TYPE), []).append(content)
    assert contents["system"] == [b"new"]
    assert json.loads(contents["params"][0]) == {"num_ctx": 48, "stop": ["moon"], "temperature": 0.5, "top_k": 5}
    assert contents["license"] == [b"First licence", b"Second licence", b"Third"]
    assert contents["template"] == [b"{{ .System }} {{ .Prompt }}"]
    config = json.loads(contents[CONFIG_TYPE][0])
    assert config["rootfs"] == {"type": "layers", "diff_ids": [layer["digest"] for layer in manifest["layers"]]}
    assert {key: config[key] for key in ("model_format", "model_family", "model_families", "model_type", "file_type")} == {
        "model_format": "gguf", "model_family": "llama", "model_families": ["llama"], "model_type": "21K", "file_type": "F32",
    }  # fmt: skip
    assert manifest["layers"][0]["mediaType"] == TYPE + "model"
