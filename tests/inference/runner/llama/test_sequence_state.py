"""Copying, saving and restoring sequences: whatever a sequence went through, it goes on as if it had been computed anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.messages import SamplingParams
from tests.inference.tiny_models import write_gemma, write_mamba

pytestmark = pytest.mark.model
WINDOW = 16


def open_model(path: Path) -> LlamaModelRunner:
    return LlamaModelRunner(
        RunnerConfig(model_path=str(path), socket_path="", num_ctx=512, num_slots=3, num_batch=512, num_threads=1)
    )


@pytest.fixture(scope="module")
def starter(model_path: Path) -> Iterator[LlamaModelRunner]:
    yield (model := open_model(model_path))
    model.close()


@pytest.fixture(scope="module")
def mamba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaModelRunner]:
    yield (model := open_model(write_mamba(tmp_path_factory.mktemp("mamba") / "mamba.gguf")))
    model.close()


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaModelRunner]:
    yield (model := open_model(write_gemma(tmp_path_factory.mktemp("gemma") / "gemma.gguf", window=WINDOW)))
    model.close()


@pytest.fixture(params=["starter", "mamba", "gemma"])
def model(request: pytest.FixtureRequest) -> LlamaModelRunner:
    model: LlamaModelRunner = request.getfixturevalue(request.param)
    for seq_id in range(model.num_slots):
        model.trim(seq_id, 0)
    return model


def tokens_of(count: int, seed: int = 1) -> list[int]:
    return [6 + (index * index * seed + index) % 15 for index in range(count)]


def go_on(model: LlamaModelRunner, seq_id: int, start: int, tokens: list[int], count: int = 12) -> list[int]:
    """Computes `tokens` at `start` and draws greedily from there."""
    sampler = model.new_sampler(SamplingParams(temperature=0, ignore_eos=True), tokens)
    drawn: list[int] = []
    while len(drawn) < count:
        model.decode([Chunk(seq_id, start, tokens, True)])
        start, tokens = start + len(tokens), [model.sample(sampler, len(tokens) - 1)]
        drawn += tokens
    sampler.close()
    return drawn


def compute(model: LlamaModelRunner, seq_id: int, tokens: list[int]) -> None:
    model.decode([Chunk(seq_id, 0, tokens, False)])


def test_restored_sequence_goes_on_as_computed(model: LlamaModelRunner) -> None:
    tokens, rest = tokens_of(300), tokens_of(7, seed=3)
    compute(model, 0, tokens)
    payload = model.save(0)
    assert payload is not None
    expected = go_on(model, 0, 300, rest)
    compute(model, 1, tokens_of(100, seed=5))

    assert model.restore(1, payload)

    assert go_on(model, 1, 300, rest) == expected
    assert model.restore(0, payload)
    assert go_on(model, 0, 300, rest) == expected


def test_copied_sequence_goes_on_as_computed_and_leaves_its_source_alone(model: LlamaModelRunner) -> None:
    tokens, rest = tokens_of(300), tokens_of(7, seed=3)
    compute(model, 0, tokens)
    compute(model, 1, tokens_of(100, seed=5))
    model.copy(0, 1)

    copied = go_on(model, 1, 300, rest)

    assert go_on(model, 0, 300, rest) == copied


@pytest.mark.parametrize("name", ["starter", "gemma"])
def test_copy_cut_to_the_common_beginning_goes_on_as_computed(name: str, request: pytest.FixtureRequest) -> None:
    model: LlamaModelRunner = request.getfixturevalue(name)
    tokens, rest = tokens_of(300), tokens_of(40, seed=3)
    for seq_id in (0, 1, 2):
        model.trim(seq_id, 0)
    # In the same batches: nonsense leaves the model so undecided that rounding alone would change its mind.
    compute(model, 2, tokens)
    assert model.trim(2, 200)
    expected = go_on(model, 2, 200, rest)
    compute(model, 0, tokens)

    model.copy(0, 1)
    assert model.trim(1, 200)
    # The source may go its own way before the copy is done.
    assert model.trim(0, 0)

    assert go_on(model, 1, 200, rest) == expected


def test_pending_copy_keeps_others_from_its_two_sequences(starter: LlamaModelRunner) -> None:
    for seq_id in range(3):
        starter.trim(seq_id, 0)
    compute(starter, 0, tokens_of(50))
    payload = starter.save(0)
    assert payload is not None
    starter.copy(0, 1)

    assert starter.save(1) is None
    assert not starter.restore(0, payload) and not starter.restore(1, payload)
    compute(starter, 2, [9])
    assert starter.save(1) is not None and starter.restore(0, payload)


def test_running_state_cannot_be_cut_but_goes_on(mamba: LlamaModelRunner) -> None:
    assert not mamba.can_trim and not mamba.can_cut_saved
    mamba.trim(0, 0)
    compute(mamba, 0, tokens_of(300))

    assert not mamba.trim(0, 200)
    assert mamba.trim(0, 300)


def test_restored_window_cannot_be_cut_further_than_it_reaches(gemma: LlamaModelRunner) -> None:
    assert gemma.can_trim and not gemma.can_cut_saved
    for seq_id in (0, 1):
        gemma.trim(seq_id, 0)
    compute(gemma, 0, tokens_of(300))
    payload = gemma.save(0)
    assert payload is not None
    assert gemma.restore(1, payload)

    assert not gemma.trim(1, 200)
    assert gemma.trim(1, 300)
    assert gemma.trim(0, 200)
    assert gemma.trim(1, 0)


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty", "half a header"])
def test_state_that_is_none_is_refused_and_the_sequence_usable(model: LlamaModelRunner, damage: str) -> None:
    tokens = tokens_of(60)
    compute(model, 0, tokens)
    payload = model.save(0)
    assert payload is not None
    expected = go_on(model, 0, 60, [7])
    damaged = {"cut": payload[: len(payload) // 2], "garbage": bytearray(b"\xa5" * 5000), "empty": bytearray()}

    assert not model.restore(1, damaged.get(damage, payload[:6]))
    assert model.trim(1, 0)
    assert go_on(model, 1, 0, [*tokens, 7]) == expected


def test_state_of_another_model_is_refused(starter: LlamaModelRunner, mamba: LlamaModelRunner) -> None:
    mamba.trim(0, 0)
    compute(mamba, 0, tokens_of(60))
    payload = mamba.save(0)
    assert payload is not None

    assert not starter.restore(0, payload)
    assert starter.trim(0, 0)


def test_two_sequences_that_change_places_go_on_as_before(model: LlamaModelRunner) -> None:
    first, second = tokens_of(40, seed=1), tokens_of(25, seed=3)
    expected = [go_on(model, seq_id, 0, tokens) for seq_id, tokens in ((0, first), (2, second))]
    for seq_id, tokens in ((0, first), (2, second)):
        model.trim(seq_id, 0)
        model.decode([Chunk(seq_id, 0, tokens[:-1], False)])

    states = model.save(0), model.save(2)
    assert model.restore(2, states[0])
    assert model.restore(0, states[1])

    assert go_on(model, 2, len(first) - 1, first[-1:]) == expected[0]
    assert go_on(model, 0, len(second) - 1, second[-1:]) == expected[1]
