"""The models of `python -m bench.gpu` are read here as any other, and computed by llama.cpp without a GPU."""

from pathlib import Path

import pytest

from bench.random_model import KINDS, SHAPES, write_random_model
from inference.library.gguf import read_metadata
from inference.library.shape import read_shape
from inference.library.starter import find_starter_file
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk
from inference.runner.llama.model_runner import LlamaModelRunner


@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
def test_random_model_is_one_to_library_and_llama(tmp_path: Path, kind: str) -> None:
    starter = find_starter_file()
    assert starter is not None
    path = tmp_path / "random.gguf"
    write_random_model(path, SHAPES["tiny"], kind, starter)

    shape = read_shape(read_metadata(path))
    assert (shape.num_layers, shape.num_embd, shape.num_vocab) == (4, 256, 49_152)
    assert shape.input_bytes == shape.output_bytes > 0
    model = LlamaModelRunner(RunnerConfig(model_path=str(path), socket_path="", num_ctx=64, num_slots=1, num_threads=1))
    try:
        model.decode([Chunk(0, 0, [1, 2, 3], True)])
        found = model.logprob(2, 5, 20)
    finally:
        model.close()
    logprobs = [logprob for _, logprob in found.top]
    # Told apart, and none of them alone.
    assert len(set(logprobs)) > 1 and max(logprobs) < 0
