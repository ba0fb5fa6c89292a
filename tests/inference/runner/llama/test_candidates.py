"""Tokens are drawn from the few likeliest: they are those that llama.cpp's samplers draw from the whole vocabulary."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from llama_cpp import llama_cpp

from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk, last_rows
from inference.runner.llama.candidates import Candidates, likeliest
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.messages import SamplingParams

LOGITS = st.floats(-50, 50, width=32)


@given(arrays(np.float32, st.integers(0, 700), elements=LOGITS | st.just(-math.inf)), st.integers(-1, 80))
def test_likeliest_are_those_of_a_sort(logits: npt.NDArray[np.float32], count: int) -> None:
    ids = likeliest(logits, count)

    if ids is not None:
        assert count <= len(ids) <= len(logits) // 4
        others = np.delete(logits, ids)
        assert logits[ids].min() > others.max(initial=-math.inf) or logits[ids].min() == -math.inf


@pytest.mark.parametrize("size", [32 * 4, 32 * 4 + 31, 49152, 151_936])
def test_likeliest_of_usual_logits_are_few(size: int) -> None:
    logits = np.random.default_rng(size).normal(size=size).astype(np.float32)

    ids = likeliest(logits, size // 128)

    assert ids is not None and size // 128 <= len(ids) <= size // 32


@pytest.mark.parametrize(
    "logits", [np.full(4096, math.nan, np.float32), np.zeros(4096, np.float32), np.zeros(31, np.float32), np.zeros(0, np.float32)]
)
def test_likeliest_of_logits_without_a_few_are_none(logits: npt.NDArray[np.float32]) -> None:
    assert likeliest(logits, 1) is None


@pytest.fixture(scope="module")
def model(model_path: Path) -> Iterator[LlamaModelRunner]:
    model = LlamaModelRunner(RunnerConfig(model_path=str(model_path), socket_path="", num_ctx=64, num_slots=5, num_threads=1))
    yield model
    model.close()


@pytest.mark.model
@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(seed=1),
        SamplingParams(seed=2, temperature=0),
        SamplingParams(seed=3, temperature=0, ignore_eos=True),
        SamplingParams(seed=4, temperature=1.5, top_k=1),
        SamplingParams(seed=5, temperature=1.5, top_k=1000, top_p=1, min_p=0.01),
        SamplingParams(seed=6, temperature=2, top_k=20_000, top_p=1),
        SamplingParams(seed=7, temperature=1.5, top_k=0),
        SamplingParams(seed=8, repeat_penalty=1.5, repeat_last_n=8),
        SamplingParams(seed=9, repeat_penalty=1.5, temperature=0),
        SamplingParams(seed=10, repeat_penalty=0.5, top_k=3),
        SamplingParams(seed=11, presence_penalty=2, frequency_penalty=1, temperature=1.2, top_k=5),
        SamplingParams(seed=12, frequency_penalty=-2, top_k=2),
        SamplingParams(seed=13, logit_bias={28: -100.0, 30: -math.inf, 260: -3.0}, top_k=2, temperature=1.5),
        SamplingParams(seed=14, logit_bias={20_000: 25.0}, top_k=2),
        SamplingParams(seed=15, dry_multiplier=2, dry_allowed_length=1, temperature=1.5),
        SamplingParams(seed=16, top_n_sigma=1, temperature=1.5),
        SamplingParams(seed=17, typical_p=0.5, xtc_probability=0.9, temperature=1.5),
        SamplingParams(seed=18, mirostat=2),
    ],
)
def test_drawn_is_what_llama_cpp_draws_from_all(model: LlamaModelRunner, params: SamplingParams) -> None:
    rows, tokens = step(model, 5), model.vocabulary.tokenize("The capital of France is Paris.", parse_special=False)
    context, candidates = model._context.handle, Candidates(model.vocabulary.num_tokens)
    chain, other = model.new_sampler(params, tokens), model.new_sampler(params, tokens)

    drawn = [chain.draw(candidates, context, row) for row in rows * 6]

    assert drawn == [llama_cpp.llama_sampler_sample(other.handle, context, row) for row in rows * 6]
    chain.close()
    other.close()


@pytest.mark.model
@pytest.mark.parametrize(("num_rows", "expected"), [(5, [False, True, True]), (3, [False, False, False])])
def test_few_rows_of_a_step_are_left_to_llama_cpp(model: LlamaModelRunner, num_rows: int, expected: list[bool]) -> None:
    rows = step(model, num_rows)
    context, candidates = model._context.handle, Candidates(model.vocabulary.num_tokens)

    filled = [candidates.fill_likeliest(context, row, 40) for row in rows * 3]

    assert filled == [is_filled for is_filled in expected for _ in rows]


def step(model: LlamaModelRunner, num_rows: int) -> list[int]:
    """Rows with logits, each of a text of its own."""
    texts = ["The capital of Italy is", "Once upon a", "1 2 3 4", "def add(a", "Good"][:num_rows]
    chunks = [Chunk(seq_id, 0, model.vocabulary.tokenize(text, parse_special=False), True) for seq_id, text in enumerate(texts)]
    for chunk in chunks:
        model.trim(chunk.seq_id, 0)
    model.decode(chunks)
    return last_rows(chunks)
