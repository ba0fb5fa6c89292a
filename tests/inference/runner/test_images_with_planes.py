"""Models that give all tokens of an image one position in the sequence, and further ones for its two dimensions (M-RoPE):
an image then takes more room in the context than it has positions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import ChatMessage, ChatPrompt, Submit
from tests.inference.pictures import png
from tests.inference.runner.asking import ENDLESS, ask
from tests.inference.runner.test_images import likeliness
from tests.inference.tiny_models import SAME, write_qwen2vl
from tests.inference.tiny_projector import write_qwen_projector

#: Of 6 x 4 tokens, each of 16 x 16 pixels.
RED, BLUE = png(96, 64), png(96, 64, colour=(0, 0, 255))
NUM_IMAGE_TOKENS = 24


@pytest.fixture
async def seer(tmp_path: Path) -> AsyncIterator[RunnerClient]:
    config = RunnerConfig(
        model_path=str(write_qwen2vl(tmp_path / "model.gguf")),
        projector_path=str(write_qwen_projector(tmp_path / "projector.gguf")),
        socket_path=str(tmp_path / "runner.sock"),
        num_ctx=256,
        num_slots=2,
        num_threads=1,
    )
    client = await RunnerClient.start(config, timeout=60)
    yield client
    await client.close()


def look(
    request_id: str, *images: bytes, max_tokens: int | None = 12, scope: str = "me/1", more: list[ChatMessage] | None = None
) -> Submit:
    prompt = ChatPrompt([ChatMessage("user", "the cat is", images=list(images)), *(more or [])])
    return Submit(request_id=request_id, prompt=prompt, sampling=ENDLESS, max_tokens=max_tokens, scope=scope, logprobs=True)


async def test_image_is_seen(seer: RunnerClient) -> None:
    blind = await ask(seer, look("a", scope="a"))
    red = await ask(seer, look("b", RED, scope="b"))
    again = await ask(seer, look("c", RED, scope="c"))
    blue = await ask(seer, look("d", BLUE, scope="d"))

    # Before and after an image, this kind of model has a token of its own; the tiny vocabulary spells each of them out.
    around = red.end.stats.num_prompt_tokens - blind.end.stats.num_prompt_tokens - NUM_IMAGE_TOKENS
    assert 0 <= around < NUM_IMAGE_TOKENS
    assert again.text == red.text
    assert likeliness(again) == pytest.approx(likeliness(red), abs=SAME)
    assert likeliness(red) != pytest.approx(likeliness(blue), abs=1e-2)


async def test_image_in_a_conversation_is_computed_once(seer: RunnerClient) -> None:
    first = await ask(seer, look("a", RED))
    more = [ChatMessage("assistant", first.text), ChatMessage("user", "is the dog red", images=[BLUE])]
    second = await ask(seer, look("b", RED, more=more))
    copied = await ask(seer, look("c", RED, more=[more[0], ChatMessage("user", "is the sun blue")], scope="me/2"))
    afresh = await ask(seer, look("d", RED, more=more, scope="you/1"))
    afresh_too = await ask(seer, look("e", RED, more=[more[0], ChatMessage("user", "is the sun blue")], scope="you/2"))

    assert second.end.stats.num_cached_tokens >= first.end.stats.num_prompt_tokens - 1
    assert copied.end.stats.num_cached_tokens >= first.end.stats.num_prompt_tokens - 1
    assert likeliness(second) == pytest.approx(likeliness(afresh), abs=SAME)
    assert likeliness(copied) == pytest.approx(likeliness(afresh_too), abs=SAME)


async def test_answer_ends_where_the_room_does(seer: RunnerClient) -> None:
    answer = await ask(seer, look("a", RED, BLUE, max_tokens=None))

    assert answer.end.finish_reason == "length"
    assert answer.end.stats.num_prompt_tokens + answer.end.stats.num_completion_tokens == 256
