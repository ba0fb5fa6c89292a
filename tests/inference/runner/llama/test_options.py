"""What a runner's configuration says of model and context: each is tried with a real model, tiny where it has to be made."""

from pathlib import Path

import gguf
import numpy as np
import pytest

from inference.errors import ModelLoadFailed
from inference.runner.config import LoraAdapter, RunnerConfig
from inference.runner.engine.batch import Chunk
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.messages import SamplingParams
from tests.inference.tiny_models import NUM_EMBD, write_llama

pytestmark = pytest.mark.model


def config(path: Path, **options: object) -> RunnerConfig:
    return RunnerConfig(model_path=str(path), socket_path="", num_ctx=64, num_slots=1, num_threads=1, **options)  # type: ignore[arg-type]


def logprobs(path: Path, **options: object) -> list[float]:
    """Of what follows some tokens, by a model loaded with these options."""
    runner = LlamaModelRunner(config(path, **options))
    try:
        runner.decode([Chunk(0, 0, [5, 6, 7, 8], True)])
        entry = runner.logprob(3, 9, 20)
        return [logprob for _piece, logprob in entry.top]
    finally:
        runner.close()


def words(path: Path, **options: object) -> bytes:
    runner = LlamaModelRunner(config(path, **options))
    tokens = runner.vocabulary.tokenize("one two three four five six seven eight nine", parse_special=False)
    sampler = runner.new_sampler(SamplingParams(temperature=0), tokens)
    try:
        runner.decode([Chunk(0, 0, tokens, True)])
        return runner.piece(runner.sample(sampler, len(tokens) - 1))
    finally:
        sampler.close()
        runner.close()


@pytest.mark.parametrize(
    "options",
    [
        {"kv_cache_type": "q8_0"},
        {"kv_cache_type": "f32"},
        {"kv_cache_type": "q4_0", "flash_attention": "on"},
        {"flash_attention": "off"},
        {"num_threads_batch": 2},
        {"use_mmap": False},
        {"use_mlock": True},
        {"use_mmap": False, "use_mlock": True},
    ],
)
def test_option_leaves_the_model_able_to_count(model_path: Path, options: dict[str, object]) -> None:
    assert words(model_path, **options) == b" ten"


@pytest.mark.parametrize("options", [{"rope_frequency_base": 100.0}, {"rope_frequency_scale": 0.25}])
def test_position_options_change_what_is_computed(tmp_path: Path, options: dict[str, object]) -> None:
    path = write_llama(tmp_path / "model.gguf", None)

    assert logprobs(path) != pytest.approx(logprobs(path, **options), abs=1e-4)


def test_quantised_cache_without_flash_attention_is_refused(model_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match="q8_0 needs flash attention"):
        LlamaModelRunner(config(model_path, kv_cache_type="q8_0", flash_attention="off"))


def write_adapter(path: Path, architecture: str = "llama", rows: int = NUM_EMBD) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    random = np.random.default_rng(3)
    writer.add_tensor("blk.0.attn_q.weight.lora_a", random.normal(0, 1, (4, NUM_EMBD)).astype(np.float32))
    writer.add_tensor("blk.0.attn_q.weight.lora_b", random.normal(0, 1, (rows, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_adapter_changes_what_is_computed_as_far_as_its_scale_says(tmp_path: Path) -> None:
    path, adapter = write_llama(tmp_path / "model.gguf", None), str(write_adapter(tmp_path / "adapter.gguf"))

    plain = logprobs(path)
    whole, none = (logprobs(path, adapters=[LoraAdapter(adapter, scale)]) for scale in (1.0, 0.0))
    twice = logprobs(path, adapters=[LoraAdapter(adapter, 0.5), LoraAdapter(adapter, 0.5)])

    assert none == pytest.approx(plain, abs=1e-5)
    assert whole != pytest.approx(plain, abs=1e-3)
    assert twice == pytest.approx(whole, abs=1e-3)


def test_adapter_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = write_llama(tmp_path / "model.gguf", None)
    (tmp_path / "text.gguf").write_text("no adapter")
    adapters = {
        "missing.gguf": "There is no adapter file",
        "text.gguf": r"The adapter text\.gguf could not be loaded",
        str(write_adapter(tmp_path / "gemma.gguf", "gemma3")): r"The adapter gemma\.gguf could not be loaded",
        str(write_adapter(tmp_path / "wide.gguf", rows=7)): r"The adapter wide\.gguf could not be loaded",
        str(path): r"The adapter model\.gguf could not be loaded",
    }
    for name, reason in adapters.items():
        with pytest.raises(ModelLoadFailed, match=reason):
            LlamaModelRunner(config(path, adapters=[LoraAdapter(str(tmp_path / name))]))


def write_split(path: Path, folder: Path) -> list[Path]:
    """A model's tensors in two files, as gguf-split makes them."""
    reader = gguf.GGUFReader(path)
    paths = [folder / f"model-0000{number}-of-00002.gguf" for number in (1, 2)]
    half = len(reader.tensors) // 2
    for number, (part, tensors) in enumerate(zip(paths, (reader.tensors[:half], reader.tensors[half:]), strict=True)):
        writer = gguf.GGUFWriter(part, "llama")
        for field in reader.fields.values() if number == 0 else ():
            if not field.name.startswith("GGUF.") and field.name != "general.architecture":
                subtype = field.types[-1] if field.types[0] is gguf.GGUFValueType.ARRAY else None
                writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=subtype)
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", 2)
        writer.add_int32("split.tensors.count", len(reader.tensors))
        for tensor in tensors:
            writer.add_tensor(tensor.name, tensor.data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return paths


def test_split_model_is_loaded_by_its_first_file(tmp_path: Path) -> None:
    whole = write_llama(tmp_path / "whole.gguf", None)
    first, _second = write_split(whole, tmp_path)

    assert logprobs(first) == pytest.approx(logprobs(whole), abs=1e-6)


def test_split_model_without_its_second_file_says_so(tmp_path: Path) -> None:
    first, second = write_split(write_llama(tmp_path / "whole.gguf", None), tmp_path)
    second.unlink()

    with pytest.raises(ModelLoadFailed, match=r"model-00001-of-00002\.gguf could not be loaded: .*model-00002-of-00002"):
        LlamaModelRunner(config(first))
