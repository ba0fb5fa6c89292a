"""Converted models compute what numpy computes from the same weights, with tokenizers of every kind."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from inference.conversion.vocabulary import SPLITS
from tests.contract.service import Service
from tests.inference.conversion import computed_models as folders
from tests.inference.conversion.computed_models import LLAMA, PIECE_TOKENS, WORDS, bert_files, bert_weights, write_folder

NAME = "safetensors-made"


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client
        client.request("DELETE", "/api/delete", json={"model": NAME})


def create(client: httpx.Client, folder: Path, files: Mapping[str, Any], **fields: Any) -> list[dict[str, Any]]:
    digests = {}
    for name, path in write_folder(folder, files).items():
        content = path.read_bytes()
        digests[name] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert client.post(f"/api/blobs/{digests[name]}", content=content).status_code in (200, 201)
    answer = client.post("/api/create", json={"model": NAME, "files": digests, **fields})
    return [httpx.Response(200, content=line).json() for line in answer.text.splitlines()]


def test_bert_with_a_hole_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    weights = bert_weights()
    del weights["encoder.layer.1.output.dense.bias"]
    (last,) = create(client, tmp_path, bert_files(weights))[-1:]
    assert "its layer 1 has no ffn_down.bias" in last["error"]


def test_bert_with_a_layer_behind_its_pooling_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    files = bert_files() | {"modules.json": [{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]}
    (last,) = create(client, tmp_path, files)[-1:]
    assert "a step that cannot be converted (Dense)" in last["error"]


def test_bert_that_tells_upper_from_lower_case(client: httpx.Client, tmp_path: Path) -> None:
    files = bert_files()
    files["tokenizer.json"]["normalizer"]["lowercase"] = False
    create(client, tmp_path, files)
    vectors = client.post("/api/embed", json={"model": NAME, "input": ["the caf\u00e9", "The caf\u00e9"]}).json()["embeddings"]
    for vector, words in zip(vectors, (["the", "caf\u00e9"], ["[UNK]", "caf\u00e9"]), strict=True):
        expected = folders.embed(bert_weights(), [WORDS.index(word) for word in ("[CLS]", *words, "[SEP]")]).mean(0)
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=4e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(client: httpx.Client, tmp_path: Path, value: float) -> None:
    weights = bert_weights()
    weights["encoder.layer.1.output.dense.weight"][3, 5] = value
    (last,) = create(client, tmp_path, bert_files(weights))[-1:]
    assert "holds numbers that F16 cannot" in last["error"]


@pytest.mark.parametrize(("pooling", "kind"), [("mean_tokens", "F32"), ("cls_token", "F16"), ("lasttoken", "BF16")])
def test_bert_embeds_as_computed_by_hand(client: httpx.Client, tmp_path: Path, pooling: str, kind: str) -> None:
    modules = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
    modules.append({"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})
    files = bert_files(kind=kind) | {"modules.json": modules, "1_Pooling/config.json": {f"pooling_mode_{pooling}": True}}
    lines = create(client, tmp_path, files)
    texts = ["The cats run", "dog", "caf\u00e9 the dog runs"]
    answer = client.post("/api/embed", json={"model": NAME, "input": texts}).json()

    assert lines[0]["status"] == "converting model" and lines[-1] == {"status": "success"}
    ids = [["[CLS]", "the", "cat", "##s", "[UNK]", "[SEP]"], ["[CLS]", "dog", "[SEP]"]]
    ids.append(["[CLS]", "cafe", "the", "dog", "runs", "[SEP]"])
    for vector, words in zip(answer["embeddings"], ids, strict=True):
        states = folders.embed(bert_weights(), [WORDS.index(word) for word in words])
        expected = {"mean_tokens": states.mean(0), "cls_token": states[0], "lasttoken": states[-1]}[pooling]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=4e-3)


def logprobs(client: httpx.Client, prompt: str) -> tuple[list[float], int]:
    """Of the likeliest 20 next tokens; how many tokens the prompt has."""
    body = {"model": NAME, "prompt": prompt, "raw": True, "stream": False, "logprobs": True, "top_logprobs": 20}
    answer = client.post("/api/generate", json={**body, "options": {"num_predict": 1, "temperature": 0}})
    assert answer.status_code == 200, answer.text
    first = answer.json()["logprobs"][0]
    return [entry["logprob"] for entry in first["top_logprobs"]], answer.json()["prompt_eval_count"]


def expected_logprobs(weights: folders.Weights, ids: list[int], **options: Any) -> list[float]:
    values = folders.log_softmax(folders.next_token_logits(weights, ids, **options))
    return [float(value) for value in np.sort(values)[::-1][:20]]


PIECE_IDS = [PIECE_TOKENS.index(token) for token in ("<s>", "\u2581ab", "\u2581ca", "d")]


@pytest.mark.parametrize(
    ("architecture", "head_width", "is_tied", "kind"),
    [("LlamaForCausalLM", 8, True, "F32"), ("MistralForCausalLM", 16, False, "BF16")],
)
def test_llama_with_a_sentencepiece_tokenizer(
    client: httpx.Client, tmp_path: Path, architecture: str, head_width: int, is_tied: bool, kind: str
) -> None:
    weights = folders.llama_weights(len(PIECE_TOKENS), head_width=head_width, is_tied=is_tied)
    config = {**LLAMA, "architectures": [architecture], "vocab_size": len(PIECE_TOKENS), "head_dim": head_width}
    config |= {"tie_word_embeddings": is_tied, "bos_token_id": 1, "eos_token_id": 2}
    names = sorted(weights)
    parts = [dict.fromkeys(names[::2]), dict.fromkeys(names[1::2])]
    files: dict[str, Any] = {"config.json": config, "tokenizer.model": folders.sentencepiece_model()}
    for number, part in enumerate(parts, 1):
        content = folders.safetensors({name: weights[name] for name in part}, kind)
        files[f"model-0000{number}-of-00002.safetensors"] = content
    assert create(client, tmp_path, files)[-1] == {"status": "success"}
    found, num_tokens = logprobs(client, "ab cad")

    assert num_tokens == len(PIECE_IDS)
    np.testing.assert_allclose(found, expected_logprobs(weights, PIECE_IDS, head_width=head_width), atol=0.06)


def test_llama_with_stretched_positions_and_a_tokenizer_in_json(client: httpx.Client, tmp_path: Path) -> None:
    weights = folders.llama_weights(len(PIECE_TOKENS))
    scaling = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaling["original_max_position_embeddings"] = 16
    config = {**LLAMA, "architectures": ["LlamaForCausalLM"], "vocab_size": len(PIECE_TOKENS), "rope_scaling": scaling}
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    files = {"config.json": config, "tokenizer.json": folders.piece_tokenizer(), "tokenizer_config.json": names}
    assert create(client, tmp_path, {**files, "a.safetensors": folders.safetensors(weights)})[-1] == {"status": "success"}
    found, num_tokens = logprobs(client, "ab cad")

    # How often each frequency turns within 16 positions decides how far it is stretched.
    turns = 16 * 10000.0 ** (-np.arange(4) / 4) / (2 * np.pi)
    smooth = np.clip((turns - 1) / 3, 0, 1)
    divisors = 1 / ((1 - smooth) / 4 + smooth)
    assert num_tokens == len(PIECE_IDS)
    np.testing.assert_allclose(found, expected_logprobs(weights, PIECE_IDS, divisors=divisors), atol=0.06)
    assert np.abs(np.array(found) - expected_logprobs(weights, PIECE_IDS)).max() > 0.1


def qwen_files(weights: folders.Weights) -> dict[str, Any]:
    size = len(folders.BYTE_TOKENS) + 5
    expression = next(text for text, name in SPLITS.items() if name == "qwen2")
    steps = [{"type": "Split", "pattern": {"Regex": expression}}, {"type": "ByteLevel", "use_regex": False}]
    return {
        "config.json": {**LLAMA, "architectures": ["Qwen2ForCausalLM"], "vocab_size": size},
        "tokenizer.json": folders.byte_tokenizer({"type": "Sequence", "pretokenizers": steps}),
        "tokenizer_config.json": {"eos_token": "<|end|>", "chat_template": "{{ messages[0].content }}"},
        "model.safetensors": folders.safetensors(weights, "F16"),
    }


def test_qwen_with_a_tokenizer_on_bytes(client: httpx.Client, tmp_path: Path) -> None:
    weights = folders.llama_weights(len(folders.BYTE_TOKENS) + 5, has_biases=True)
    assert create(client, tmp_path, qwen_files(weights))[-1] == {"status": "success"}
    found, num_tokens = logprobs(client, "ab cab7")
    shown = client.post("/api/show", json={"model": NAME}).json()

    ids = [folders.BYTE_TOKENS.index(token) for token in ("ab", "\u0120c", "ab", "7")]
    assert num_tokens == len(ids)
    np.testing.assert_allclose(found, expected_logprobs(weights, ids), atol=0.06)
    assert shown["template"] == "{{ messages[0].content }}"
    assert (shown["details"]["family"], shown["details"]["quantization_level"]) == ("qwen2", "F16")
