"""Converted models compute what their makers' libraries would: a Llama is compared with its description in numpy."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.conversion.convert import convert
from inference.errors import InvalidRequest
from inference.library.gguf import read_metadata
from inference.library.gguf_reader import read_header
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk
from inference.runner.llama.model_runner import LlamaModelRunner
from tests.inference.conversion.hugging_face import llama_logprobs, llama_tensors, safetensors, write_llama_folder

TOKENS = [20, 33, 47, 90, 12]


def files_of(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


async def converted(folder: Path) -> Path:
    target = folder.with_suffix(".gguf")
    async for _ in convert(files_of(folder), target):
        pass
    return target


def computed(path: Path) -> dict[bytes, float]:
    """What the twenty likeliest tokens are, by llama.cpp."""
    config = RunnerConfig(model_path=str(path), socket_path="", num_ctx=64, num_slots=1, num_threads=1, kv_cache_type="f32")
    runner = LlamaModelRunner(config)
    try:
        runner.decode([Chunk(0, 0, TOKENS, True)])
        return dict(runner.logprob(len(TOKENS) - 1, 9, 20).top)
    finally:
        runner.close()


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
async def test_llama_computes_what_its_description_says(tmp_path: Path, kind: str) -> None:
    tensors = write_llama_folder(tmp_path / "model", kind=kind)

    path = await converted(tmp_path / "model")

    expected = np.sort(llama_logprobs(tensors, TOKENS))[::-1][:20]
    assert list(computed(path).values()) == pytest.approx(list(expected), abs=0.1 if kind == "BF16" else 0.01)
    metadata = read_metadata(path)
    assert (metadata.architecture, metadata.context_length, metadata.file_type) == (
        "llama",
        64,
        "BF16" if kind == "BF16" else "F16",
    )
    assert metadata.values["tokenizer.chat_template"] == "{{ messages }}"


async def test_tokenizer_splits_and_merges_as_it_says(tmp_path: Path) -> None:
    write_llama_folder(tmp_path / "model")
    path = await converted(tmp_path / "model")
    runner = LlamaModelRunner(RunnerConfig(model_path=str(path), socket_path="", num_ctx=64, num_slots=1, num_threads=1))

    tokens = runner.vocabulary.tokenize("the the 12</s>", parse_special=True)
    vocabulary = read_header(path, kept_elements=1000).values["tokenizer.ggml.tokens"]
    runner.close()

    # Digits are split before anything is merged, so "12" is never one token.
    assert [vocabulary[token] for token in tokens] == ["the", "\u0120the", "\u0120", "1", "2", "</s>"]


async def test_llama_3_stretches_long_wavelengths(tmp_path: Path) -> None:
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaling["original_max_position_embeddings"] = 16
    write_llama_folder(tmp_path / "model", rope_scaling=scaling)

    path = await converted(tmp_path / "model")

    header = read_header(path)
    (tensor,) = [tensor for tensor in header.tensors if tensor.name == "rope_freqs.weight"]
    factors = struct.unpack("<4f", path.read_bytes()[header.data_start + tensor.offset :][:16])
    # Wavelengths of 6.3, 29.7, 140 and 664 tokens: the first is between, the others are longer than the old context.
    assert factors[1:] == (8.0, 8.0, 8.0)
    assert 1.0 < factors[0] < 8.0


async def test_attention_biases_and_another_family(tmp_path: Path) -> None:
    tensors = write_llama_folder(tmp_path / "model", architectures=["Qwen2ForCausalLM"])
    for layer in range(2):
        for name, size in (("q", 32), ("k", 16), ("v", 16)):
            tensors[f"model.layers.{layer}.self_attn.{name}_proj.bias"] = np.zeros(size, np.float32)
    (tmp_path / "model" / "model.safetensors").write_bytes(safetensors(tensors))

    path = await converted(tmp_path / "model")

    assert read_metadata(path).architecture == "qwen2"
    expected = np.sort(llama_logprobs(tensors, TOKENS))[::-1][:20]
    assert list(computed(path).values()) == pytest.approx(list(expected), abs=0.01)


def shard(folder: Path, *, without: str = "") -> None:
    """The weights in two files, as the index says; `without` is a tensor that neither has."""
    tensors = llama_tensors(263)
    names = sorted(tensors)
    files = {"model-00001-of-00002.safetensors": names[:5], "model-00002-of-00002.safetensors": names[5:]}
    (folder / "model.safetensors").unlink()
    for file, held in files.items():
        (folder / file).write_bytes(safetensors({name: tensors[name] for name in held if name != without}))
    index = {"metadata": {}, "weight_map": {name: file for file, held in files.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


async def test_weights_in_several_files_are_those_of_the_index(tmp_path: Path) -> None:
    """Mistral's folders hold the same weights a second time, in another form."""
    tensors = write_llama_folder(tmp_path / "model")
    shard(tmp_path / "model")
    (tmp_path / "model" / "consolidated.safetensors").write_bytes(
        safetensors({"layers.0.attention.wq.weight": np.ones((32, 32))})
    )

    path = await converted(tmp_path / "model")

    expected = np.sort(llama_logprobs(tensors, TOKENS))[::-1][:20]
    assert list(computed(path).values()) == pytest.approx(list(expected), abs=0.01)


async def test_same_weights_in_another_form_are_left_alone_without_an_index(tmp_path: Path) -> None:
    write_llama_folder(tmp_path / "model")
    (tmp_path / "model" / "consolidated.safetensors").write_bytes(
        safetensors({"layers.0.attention.wq.weight": np.ones((32, 32))})
    )
    assert read_metadata(await converted(tmp_path / "model")).architecture == "llama"


@pytest.mark.parametrize(
    ("index", "error"),
    [
        ({"weight_map": {"x": "model-00003-of-00003.safetensors"}}, "its file model-00003-of-00003.safetensors is missing"),
        ({"weight_map": {"x": "../../config.json"}}, "its file ../../config.json is missing"),
        ({"weight_map": {"x": 1}}, "its model.safetensors.index.json cannot be read"),
        ({"weight_map": [1]}, "its model.safetensors.index.json cannot be read"),
        ({}, "its model.safetensors.index.json cannot be read"),
    ],
)
async def test_index_that_does_not_fit_its_files(tmp_path: Path, index: dict[str, Any], error: str) -> None:
    write_llama_folder(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InvalidRequest, match=error):
        await converted(tmp_path / "model")


@pytest.mark.parametrize("missing", ["lm_head.weight", "model.norm.weight"])
async def test_model_without_its_last_parts_is_refused(tmp_path: Path, missing: str) -> None:
    """llama.cpp would not load it, or take the embeddings for what is missing and write nonsense."""
    write_llama_folder(tmp_path / "model")
    shard(tmp_path / "model", without=missing)
    with pytest.raises(InvalidRequest, match="are all its files here"):
        await converted(tmp_path / "model")


async def test_tied_embeddings_need_no_output(tmp_path: Path) -> None:
    tensors = write_llama_folder(tmp_path / "model", tie_word_embeddings=True)
    shard(tmp_path / "model", without="lm_head.weight")

    path = await converted(tmp_path / "model")

    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    expected = np.sort(llama_logprobs(tensors, TOKENS))[::-1][:20]
    assert list(computed(path).values()) == pytest.approx(list(expected), abs=0.01)


def change(folder: Path, name: str, **values: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("name", "values", "error"),
    [
        ("config.json", {"architectures": ["GPTNeoXForCausalLM"]}, "models of the architecture GPTNeoXForCausalLM cannot"),
        ("config.json", {"architectures": 3}, "models of the architecture unknown cannot"),
        ("config.json", {"num_hidden_layers": 10**9}, "its config.json gives no usable num_hidden_layers"),
        ("config.json", {"num_hidden_layers": 3}, "its layer 2 is missing"),
        ("config.json", {"num_attention_heads": 0}, "its config.json gives no usable num_attention_heads"),
        ("config.json", {"num_attention_heads": 7}, "does not fit the number of heads"),
        ("config.json", {"rms_norm_eps": "x"}, "its config.json gives no usable rms_norm_eps"),
        ("config.json", {"rope_scaling": {"type": "strange"}}, "its positions are stretched in a way"),
        ("config.json", {"rope_scaling": 5}, "its config.json gives no usable rope_scaling"),
        ("tokenizer.json", {"model": {"type": "BPE", "vocab": 5}}, "its tokenizer.json has no vocabulary"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Strange"}}, "its tokenizer cuts text in a way"),
        ("tokenizer.json", {"model": None}, "its tokenizer is missing"),
    ],
)
async def test_what_cannot_be_converted_is_said(tmp_path: Path, name: str, values: dict[str, Any], error: str) -> None:
    write_llama_folder(tmp_path / "model")
    change(tmp_path / "model", name, **values)

    with pytest.raises(InvalidRequest, match=f"the model cannot be converted: .*{error}"):
        await converted(tmp_path / "model")


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 64,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 4) + b"[1] ",
        struct.pack("<Q", 2) + b"{]",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        *(
            struct.pack("<Q", len(head)) + head + bytes(8)
            for head in (
                json.dumps({"t": entry}).encode()
                for entry in (
                    5,
                    {},
                    {**ENTRY, "dtype": "F8"},
                    {**ENTRY, "shape": [-2]},
                    {**ENTRY, "shape": [2.0]},
                    {**ENTRY, "shape": [2**40, 2**40]},
                    {**ENTRY, "shape": [3]},
                    {**ENTRY, "data_offsets": [0, 800]},
                    {**ENTRY, "data_offsets": [8, 16]},
                    {**ENTRY, "data_offsets": [0]},
                )
            )
        ),
    ],
)
async def test_hostile_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    write_llama_folder(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(content)

    with pytest.raises(InvalidRequest, match=r"the model cannot be converted: (one of its files|the tensor t )"):
        await converted(tmp_path / "model")
