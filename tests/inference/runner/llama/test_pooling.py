"""Vectors by real llama.cpp, of models with random weights and every pooling, and of the starter model."""

import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference.errors import ModelLoadFailed
from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import DecodeFailed
from inference.runner.llama.embedding_runner import LlamaEmbeddingRunner, is_embedding_model
from inference.runner.llama.pooling import LlamaPooling
from tests.inference.tiny_models import NUM_CTX, NUM_EMBD, SAME, write_bert, write_llama

Open = Callable[..., LlamaPooling]
SENTENCE = [2, 5, 6, 7, 8, 3]
OTHERS = [[2, 15, 16, 3], [2, 9, 9, 9, 10, 11, 12, 3], [2, 20, 3]]
MODELS = [(write_bert, "mean"), (write_bert, "cls"), (write_bert, "last"), (write_llama, "mean"), (write_llama, "last")]


@pytest.fixture
def open_model(tmp_path: Path) -> Iterator[Open]:
    opened: list[tuple[LlamaEmbeddingRunner, LlamaPooling]] = []

    def open_one(write: Callable[..., Path], pooling: str | None, *, num_batch: int = 32, **options: int) -> LlamaPooling:
        path = write(tmp_path / f"{len(opened)}.gguf", pooling, **options)
        config = RunnerConfig(model_path=str(path), socket_path="", num_ctx=4096, num_batch=num_batch, num_threads=1)
        runner = LlamaEmbeddingRunner(config)
        opened.append((runner, LlamaPooling(runner.model, runner.adapters, config, num_ctx=runner.num_ctx)))
        return opened[-1][1]

    yield open_one
    for runner, pooling in opened:
        pooling.close()
        runner.close()


def floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))


def cosine(left: bytes, right: bytes) -> float:
    a, b = floats(left), floats(right)
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


@pytest.mark.parametrize(("write", "pooling"), MODELS)
def test_embed_batch_equals_one_by_one_in_order(open_model: Open, write: Callable[..., Path], pooling: str) -> None:
    model = open_model(write, pooling)
    inputs = [SENTENCE, *OTHERS]

    together = model.embed(inputs)
    alone = [model.embed([tokens])[0] for tokens in inputs]

    assert [len(floats(vector)) for vector in together] == [NUM_EMBD] * 4
    for row, vector in enumerate(together):
        assert floats(vector) == pytest.approx(floats(alone[row]), abs=SAME)
        assert max(cosine(vector, other) for other in together[:row] + together[row + 1 :]) < 0.999


@pytest.mark.parametrize("write", [write_bert, write_llama])
def test_embed_the_files_pooling_decides(open_model: Open, write: Callable[..., Path]) -> None:
    vectors = [open_model(write, pooling).embed([SENTENCE])[0] for pooling in ("mean", "cls", "last")]

    # The weights are the same in all three.
    assert all(cosine(vectors[left], vectors[right]) < 0.999 for left, right in ((0, 1), (0, 2), (1, 2)))


def test_embed_cls_of_a_causal_model_sees_the_first_token_only(open_model: Open) -> None:
    model = open_model(write_llama, "cls")

    first, second = model.embed([SENTENCE, [SENTENCE[0], *OTHERS[1]]])

    assert floats(first) == pytest.approx(floats(second), abs=SAME)


def test_embed_file_without_pooling_takes_the_mean(open_model: Open) -> None:
    named, unnamed = open_model(write_bert, "mean"), open_model(write_bert, None)

    assert named.embed([SENTENCE]) == unnamed.embed([SENTENCE])


def test_embed_last_token_in_chunks_is_the_same(open_model: Open) -> None:
    tokens = [5 + i % 16 for i in range(300)]
    small = open_model(write_llama, "last", num_batch=32, num_ctx=512)
    large = open_model(write_llama, "last", num_batch=512, num_ctx=512)

    assert cosine(small.embed([tokens])[0], large.embed([tokens])[0]) > 0.99999


def test_embed_input_longer_than_a_batch_gets_a_larger_context(open_model: Open) -> None:
    model = open_model(write_llama, "mean", num_batch=32, num_ctx=512)
    short = model.embed([SENTENCE])[0]

    long = model.embed([[5 + i % 16 for i in range(500)]])[0]

    assert len(floats(long)) == NUM_EMBD and cosine(short, long) < 0.999
    assert floats(model.embed([SENTENCE])[0]) == pytest.approx(floats(short), abs=1e-4)


def test_embed_leaves_nothing_behind(open_model: Open) -> None:
    model = open_model(write_llama, "last")
    before = model.embed([SENTENCE])[0]
    model.embed([[7] * 32])

    assert floats(model.embed([SENTENCE])[0]) == pytest.approx(floats(before), abs=1e-5)


@pytest.mark.parametrize("write", [write_bert, write_llama])
def test_embed_after_a_failure_goes_on(open_model: Open, write: Callable[..., Path]) -> None:
    model = open_model(write, "mean")
    before = model.embed([SENTENCE])[0]
    with pytest.raises(DecodeFailed):
        model.embed([[10**6]])

    assert floats(model.embed([SENTENCE])[0]) == pytest.approx(floats(before), abs=1e-5)


def test_embed_full_context_of_an_encoder(open_model: Open) -> None:
    vector = open_model(write_bert, "mean").embed([[5] * NUM_CTX])[0]

    assert all(math.isfinite(value) for value in floats(vector))


@pytest.mark.parametrize("write", [write_bert])
def test_rank_gives_one_score_between_0_and_1(open_model: Open, write: Callable[..., Path]) -> None:
    model = open_model(write, "rank")
    inputs = [SENTENCE, *OTHERS]

    together = [floats(vector) for vector in model.embed(inputs)]
    alone = [floats(model.embed([tokens])[0]) for tokens in inputs]

    assert all(len(scores) == 1 and 0 < scores[0] < 1 for scores in together)
    assert len({round(scores[0], 4) for scores in together}) == 4
    assert [scores[0] for scores in together] == pytest.approx([scores[0] for scores in alone], abs=SAME)


def test_embedding_model_is_known_by_its_file(tmp_path: Path, model_path: Path) -> None:
    assert is_embedding_model(write_bert(tmp_path / "a.gguf", None))
    assert is_embedding_model(write_llama(tmp_path / "b.gguf", "last"))
    assert not is_embedding_model(write_llama(tmp_path / "c.gguf", None))
    assert not is_embedding_model(model_path)
    assert not is_embedding_model(tmp_path / "nothing.gguf")


def test_embedding_model_cut_short_is_not_loaded(tmp_path: Path) -> None:
    path = write_bert(tmp_path / "a.gguf", "mean")
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(ModelLoadFailed, match=r"a\.gguf could not be loaded: "):
        LlamaEmbeddingRunner(RunnerConfig(model_path=str(path), socket_path="", num_threads=1))
