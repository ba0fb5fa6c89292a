"""Models in which the tokens of an image see each other, and so have to be computed in one batch. llama.cpp ends the process
when they are not."""

from pathlib import Path

import msgspec
import pytest

from inference.errors import InvalidRequest
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import ChatMessage, ChatPrompt, Submit
from tests.inference.pictures import png
from tests.inference.runner.asking import ENDLESS, ask
from tests.inference.runner.test_images import likeliness
from tests.inference.tiny_models import SAME, write_gemma
from tests.inference.tiny_projector import write_gemma_projector

NUM_IMAGE_TOKENS = 4
RED, BLUE = png(), png(colour=(0, 0, 255))


@pytest.fixture
def config(tmp_path: Path) -> RunnerConfig:
    return RunnerConfig(
        model_path=str(write_gemma(tmp_path / "model.gguf", window=64)),
        projector_path=str(write_gemma_projector(tmp_path / "projector.gguf")),
        socket_path=str(tmp_path / "runner.sock"),
        num_ctx=256,
        num_slots=1,
        num_threads=1,
    )


def look(request_id: str, *images: bytes) -> Submit:
    prompt = ChatPrompt([ChatMessage("user", "the cat is", images=list(images))])
    return Submit(request_id=request_id, prompt=prompt, sampling=ENDLESS, max_tokens=8, scope="me/1", logprobs=True)


async def test_image_is_seen_and_found_again(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(config, timeout=60)
    try:
        red = await ask(runner, look("a", RED))
        again = await ask(runner, look("b", RED))
        blue = await ask(runner, look("c", BLUE))
    finally:
        await runner.close()

    assert again.end.stats.num_cached_tokens == red.end.stats.num_prompt_tokens - 1
    assert likeliness(again) == pytest.approx(likeliness(red), abs=SAME)
    assert blue.end.stats.num_cached_tokens < again.end.stats.num_cached_tokens
    assert likeliness(red) != pytest.approx(likeliness(blue), abs=1e-2)


async def test_image_larger_than_a_batch_is_refused(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(msgspec.structs.replace(config, num_batch=NUM_IMAGE_TOKENS - 1), timeout=60)
    try:
        with pytest.raises(InvalidRequest, match="it takes 4 tokens, and this model was loaded with batches of 3"):
            await ask(runner, look("a", RED))
        assert (await ask(runner, look("b"))).end.finish_reason == "length"
    finally:
        await runner.close()
