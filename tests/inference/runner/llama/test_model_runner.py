"""The layer above llama.cpp, in this process. One model for all tests of the file: loading it is what takes time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.runner.config import RunnerConfig
from inference.runner.engine.batch import Chunk, DecodeFailed
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.messages import SamplingParams

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model(model_path: Path) -> Iterator[LlamaModelRunner]:
    runner = LlamaModelRunner(
        RunnerConfig(model_path=str(model_path), socket_path="", num_ctx=256, num_slots=3, num_batch=64, num_threads=1)
    )
    yield runner
    runner.close()


@pytest.fixture(autouse=True)
def empty_cache(model: LlamaModelRunner) -> None:
    for seq_id in range(model.num_slots):
        model.trim(seq_id, 0)


@pytest.mark.parametrize("text", ["hello world", "  two  spaces\n\n", "你好，世界！", "👩‍🚀🇩🇪", "a\x00b", "é" * 500])
def test_vocabulary_text_comes_back_from_its_tokens(model: LlamaModelRunner, text: str) -> None:
    tokens = model.vocabulary.tokenize(text, parse_special=False)

    assert b"".join(model.piece(token) for token in tokens).decode() == text


def test_vocabulary_special_tokens_are_read_only_when_asked(model: LlamaModelRunner) -> None:
    special = model.vocabulary.tokenize("<|im_end|>", parse_special=True)
    plain = model.vocabulary.tokenize("<|im_end|>", parse_special=False)

    assert len(special) == 1 and model.is_end(special[0])
    assert len(plain) > 1
    assert (model.piece(special[0]), model.vocabulary.special_text(special[0])) == (b"", "<|im_end|>")


def test_vocabulary_unknown_token_has_no_text(model: LlamaModelRunner) -> None:
    assert model.vocabulary.special_text(-1) == model.vocabulary.special_text(10**9) == ""


def test_model_metadata_is_read_by_key(model: LlamaModelRunner) -> None:
    assert model.model.metadata("general.architecture") == "llama"
    assert model.model.metadata("no.such.key") is None
    assert "<|im_start|>" in (model.model.chat_template or "")


def test_decode_chunks_of_a_prompt_give_the_same_token_as_the_whole(model: LlamaModelRunner) -> None:
    tokens = model.vocabulary.tokenize(
        "one two three four five six seven eight nine one two three four five", parse_special=False
    )
    greedy = SamplingParams(temperature=0)
    sampler = model.new_sampler(greedy, tokens)
    model.decode([Chunk(0, 0, tokens, True)])
    whole = model.sample(sampler, len(tokens) - 1)

    model.decode([Chunk(1, 0, tokens[:5], False), Chunk(2, 0, tokens[:3], True)])
    model.decode([Chunk(2, 3, tokens[3:4], True), Chunk(1, 5, tokens[5:], True)])
    chunked = model.sample(sampler, len(tokens) - 5)
    sampler.close()

    assert model.piece(whole) == model.piece(chunked) == b" six"


def test_decode_trimmed_sequence_goes_on_from_there(model: LlamaModelRunner) -> None:
    tokens = model.vocabulary.tokenize("one two three four five six seven", parse_special=False)
    model.decode([Chunk(0, 0, tokens, True)])

    assert model.trim(0, 3)
    model.decode([Chunk(0, 3, tokens[3:], True)])


def test_decode_wrong_position_fails_and_others_still_work(model: LlamaModelRunner) -> None:
    model.decode([Chunk(0, 0, [10, 11, 12], False)])

    with pytest.raises(DecodeFailed):
        model.decode([Chunk(0, 99, [13], True)])

    model.decode([Chunk(1, 0, [10], True)])


def test_decode_more_than_a_slot_holds_fails(model: LlamaModelRunner) -> None:
    for start in range(0, 256, 64):
        model.decode([Chunk(0, start, [10] * 64, False)])

    with pytest.raises(DecodeFailed, match="no room"):
        model.decode([Chunk(0, 256, [10], True)])
    assert model.trim(0, 0)


def test_sampler_closed_twice_is_freed_once(model: LlamaModelRunner) -> None:
    sampler = model.new_sampler(SamplingParams(repeat_penalty=1.1, seed=1, ignore_eos=True), [1, 2, 3])

    sampler.close()
    sampler.close()


def test_warm_up_leaves_nothing_behind(model: LlamaModelRunner) -> None:
    tokens = model.vocabulary.tokenize("The capital of France is", parse_special=False)
    sampler = model.new_sampler(SamplingParams(temperature=0), tokens)
    drawn = []
    for _ in range(2):
        model.decode([Chunk(1, 0, tokens, True)])
        drawn.append(model.sample(sampler, len(tokens) - 1))
        model._context.warm_up(40)

    assert drawn[0] == drawn[1]
    sampler.close()
