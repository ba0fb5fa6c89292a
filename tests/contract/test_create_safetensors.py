"""Folders as Hugging Face's libraries write them become models: a Llama that chats, a BERT that embeds."""

import json
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np
import ollama
import pytest

from tests.contract.service import Service
from tests.inference.conversion.hugging_face import safetensors, write_llama_folder
from tests.inference.tiny_models import NUM_CTX, NUM_EMBD, VOCABULARY, write_bert

#: What of a BERT is called how, by GGUF's names.
NAMES = {
    "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm", "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
}  # fmt: skip
OUTER = {
    "token_embd": "word_embeddings", "token_types": "token_type_embeddings", "position_embd": "position_embeddings",
    "token_embd_norm": "LayerNorm",
}  # fmt: skip


@pytest.fixture
def client(service: Service) -> Iterator[ollama.Client]:
    client = ollama.Client(host=service.url)
    before = {model.model for model in client.list().models}
    yield client
    for model in client.list().models:
        if model.model not in before:
            client.delete(str(model.model))
    client._client.close()


def upload(client: ollama.Client, folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): client.create_blob(path) for path in files}


def bert_name(name: str) -> str:
    part, _, kind = name.rpartition(".")
    if part.startswith("blk."):
        _, layer, inner = part.split(".")
        return f"encoder.layer.{layer}.{NAMES[inner]}.{kind}"
    return f"embeddings.{OUTER[part]}.{kind}"


def write_bert_folder(folder: Path, model: Path) -> None:
    """The weights of this GGUF file, as sentence-transformers would write them."""
    tensors = {bert_name(tensor.name): np.array(tensor.data) for tensor in gguf.GGUFReader(model).tensors}
    tensors["embeddings.position_ids"] = np.zeros((1, NUM_CTX), np.float32)
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    config = {
        "architectures": ["BertModel"], "hidden_size": NUM_EMBD, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 64, "max_position_embeddings": NUM_CTX, "layer_norm_eps": 1e-12, "type_vocab_size": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    words = [f"##{word}" if number > 20 else word.removeprefix("\u2581") for number, word in enumerate(VOCABULARY)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))


def test_llama_chats_and_is_quantized_on_the_way(service: Service, client: ollama.Client, tmp_path: Path) -> None:
    write_llama_folder(tmp_path / "model")
    files = upload(client, tmp_path / "model")

    statuses = [step.status for step in client.create("converted", files=files, quantize="q8_0", stream=True)]

    assert statuses[0] == "converting model"
    assert "quantizing F16 model to Q8_0" in statuses
    assert statuses[-1] == "success"
    answer = client.generate("converted", "the the", raw=True, options={"num_predict": 3, "temperature": 0})
    assert answer.response != ""
    details = client.show("converted").details
    assert details is not None
    assert (details.family, details.quantization_level) == ("llama", "Q8_0")
    # What it was made of is not needed any more.
    left = {path.name for path in (service.data / "models" / "blobs").iterdir()}
    assert not any(name.startswith(".new") for name in left)
    assert left.isdisjoint(digest.replace(":", "-") for digest in files.values())


def test_bert_embeds_as_its_weights_say(client: ollama.Client, tmp_path: Path) -> None:
    direct = write_bert(tmp_path / "bert.gguf", "mean")
    write_bert_folder(tmp_path / "bert", direct)
    client.create("direct", files={"bert.gguf": client.create_blob(direct)})
    client.create("converted", files=upload(client, tmp_path / "bert"))
    texts = ["one two three", "The cat is red", "suns moonly"]

    found, expected = (np.array(client.embed(name, texts).embeddings) for name in ("converted", "direct"))

    assert client.show("converted").capabilities == ["embedding"]
    assert found == pytest.approx(expected, abs=2e-3)
    assert np.abs(expected[0] - expected[1]).max() > 0.05


def test_refusal_comes_before_the_first_line(service: Service, client: ollama.Client, tmp_path: Path) -> None:
    write_llama_folder(tmp_path / "model", architectures=["StrangeForCausalLM"])
    files = upload(client, tmp_path / "model")

    strange = service.post("/api/create", {"model": "x", "files": files})
    files.pop("config.json")
    bare = service.post("/api/create", {"model": "x", "files": files})

    assert strange.status_code == 400
    assert "models of the architecture StrangeForCausalLM cannot be converted" in strange.json()["error"]
    assert (bare.status_code, bare.json()["error"]) == (400, "a safetensors model needs its config.json")
