"""Images through a real runner and a real mtmd; only what the tiny model sees in them means nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from inference.errors import ContextLengthExceeded, InvalidRequest, ModelLoadFailed
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    PromptProgress,
    Submit,
)
from tests.inference.pictures import bmp, png, png_of
from tests.inference.runner.asking import ENDLESS, Answer, ask
from tests.inference.tiny_models import SAME, write_llama
from tests.inference.tiny_projector import NUM_IMAGE_TOKENS, write_projector

RED, BLUE = png(40, 30), png(40, 30, colour=(0, 0, 255))


@pytest.fixture
def config(tmp_path: Path) -> RunnerConfig:
    return RunnerConfig(
        model_path=str(write_llama(tmp_path / "model.gguf", None, num_ctx=512)),
        projector_path=str(write_projector(tmp_path / "projector.gguf")),
        socket_path=str(tmp_path / "runner.sock"),
        num_ctx=256,
        num_slots=2,
        num_threads=1,
    )


@pytest.fixture
async def seer(config: RunnerConfig) -> AsyncIterator[RunnerClient]:
    client = await RunnerClient.start(config, timeout=60)
    yield client
    await client.close()


def look(
    request_id: str, *images: bytes, text: str = "the cat is", scope: str = "", before: list[ChatMessage] | None = None
) -> Submit:
    messages = [*(before or []), ChatMessage("user", text, images=list(images))]
    return Submit(request_id=request_id, prompt=ChatPrompt(messages), sampling=ENDLESS, max_tokens=12, scope=scope, logprobs=True)


def likeliness(answer: Answer) -> list[float]:
    """How likely the tokens of an answer were: finer than its text."""
    return [logprob.logprob for event in answer.events for logprob in getattr(event, "logprobs", [])]


async def test_image_is_seen(seer: RunnerClient) -> None:
    blind = await ask(seer, look("a", scope="a"))
    red = await ask(seer, look("b", RED, scope="b"))
    red_again = await ask(seer, look("c", RED, scope="c"))
    blue = await ask(seer, look("d", BLUE, scope="d"))

    assert red.end.stats.num_prompt_tokens == blind.end.stats.num_prompt_tokens + NUM_IMAGE_TOKENS
    assert red_again.end.stats.num_cached_tokens < NUM_IMAGE_TOKENS
    assert red_again.text == red.text
    assert likeliness(red_again) == pytest.approx(likeliness(red), abs=SAME)
    assert likeliness(red) != pytest.approx(likeliness(blue), abs=1e-2)
    assert likeliness(red) != pytest.approx(likeliness(blind), abs=1e-2)


async def test_image_in_a_conversation_is_computed_once(seer: RunnerClient) -> None:
    first = await ask(seer, look("a", RED, scope="me/1"))
    question = [ChatMessage("user", "the cat is", images=[RED]), ChatMessage("assistant", first.text)]
    second = await ask(seer, look("b", text="is red", scope="me/1", before=question))
    afresh = await ask(seer, look("c", text="is red", scope="you/1", before=question))
    other = [ChatMessage("user", "the cat is", images=[BLUE]), ChatMessage("assistant", first.text)]
    changed = await ask(seer, look("d", text="is red", scope="me/1", before=other))

    assert second.end.stats.num_cached_tokens > NUM_IMAGE_TOKENS
    assert afresh.end.stats.num_cached_tokens < NUM_IMAGE_TOKENS
    assert second.text == afresh.text
    assert likeliness(second) == pytest.approx(likeliness(afresh), abs=SAME)
    assert changed.end.stats.num_cached_tokens < NUM_IMAGE_TOKENS


async def test_two_images_stand_in_their_order(seer: RunnerClient) -> None:
    one = await ask(seer, look("a", RED, BLUE, scope="a"))
    other = await ask(seer, look("b", BLUE, RED, scope="b"))

    assert one.end.stats.num_prompt_tokens == other.end.stats.num_prompt_tokens
    assert likeliness(one) != pytest.approx(likeliness(other), abs=1e-2)
    progress = [event.num_computed_tokens for event in one.events if isinstance(event, PromptProgress)]
    # Of progress that nobody has read yet only the newest stays.
    assert progress
    assert progress == sorted(progress)


@pytest.mark.parametrize("image", [png(1, 1), png(300, 2), bmp(), bmp(5, -7)], ids=["dot", "strip", "bmp", "bmp from the top"])
async def test_image_of_any_shape_is_seen(seer: RunnerClient, image: bytes) -> None:
    assert (await ask(seer, look("a", image))).end.stats.num_completion_tokens == 12


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (RED[:60], "it is a PNG file that is cut short or damaged"),
        (png_of(8, 8, b"not packed"), "it is a PNG file that is cut short or damaged"),
        (png(packed=b"x\x9c\x03\x00\x00\x00\x00\x01"), "it is cut short or damaged"),
        (b"ftypmp42" * 20, "it is no image of a known format"),
        (png_of(50_000, 50_000, b""), "it has 50000 x 50000 pixels"),
    ],
    ids=["cut short", "damaged", "empty", "film", "huge"],
)
async def test_image_that_cannot_be_read_is_refused(seer: RunnerClient, image: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=f"Image 2 of the conversation cannot be used: {reason}"):
        await ask(seer, look("a", RED, image))

    assert (await ask(seer, look("b", RED))).end.finish_reason == "length"


async def test_images_count_for_the_context(seer: RunnerClient) -> None:
    with pytest.raises(ContextLengthExceeded, match="context has room for 256"):
        await ask(seer, look("a", *[RED] * 16))

    old = [ChatMessage("user", "one", images=[RED] * 12), ChatMessage("assistant", "two")]
    answer = await ask(seer, look("b", BLUE, before=old))

    assert answer.end.stats.num_dropped_tokens > 12 * NUM_IMAGE_TOKENS
    assert answer.end.stats.num_prompt_tokens < 256


async def test_image_fails_nobody_else(seer: RunnerClient) -> None:
    blind = await ask(seer, look("a", scope="a"))
    stream = seer.submit(look("b", scope="b"))
    events = [await anext(stream)]
    await ask(seer, look("c", RED, scope="c"))
    events += [event async for event in stream]

    # Random weights decide nothing clearly, so that another batch has other words; as many come, and they come to their end.
    assert Answer(events).end.finish_reason == blind.end.finish_reason == "length"
    assert Answer(events).end.stats.num_completion_tokens == blind.end.stats.num_completion_tokens == 12


async def test_broken_projector_is_told_with_its_cause(config: RunnerConfig, tmp_path: Path) -> None:
    whole, text = (tmp_path / "projector.gguf").read_bytes(), (tmp_path / "model.gguf").read_bytes()
    broken = {
        "garbage.gguf": (b"GGUF\x03\0\0\0" + b"\xff" * 100, "sees images, garbage.gguf, cannot be used: "),
        "nothing.gguf": (b"", "sees images, nothing.gguf, cannot be used: "),
        "torn.gguf": (whole[:-100], "sees images, torn.gguf, is cut short by 100 bytes"),
        "text.gguf": (text, "sees images, text.gguf, could not be loaded: Failed to load CLIP model"),
    }
    for name, (content, cause) in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelLoadFailed, match=cause):
            await RunnerClient.start(with_projector(config, tmp_path / name), timeout=60)

    with pytest.raises(ModelLoadFailed, match=r"There is no file at .*absent"):
        await RunnerClient.start(with_projector(config, tmp_path / "absent.gguf"), timeout=60)


async def test_projector_of_another_model_is_told(config: RunnerConfig, tmp_path: Path) -> None:
    other = write_projector(tmp_path / "other.gguf", num_text_embd=64)

    with pytest.raises(ModelLoadFailed, match=r"mismatch between text model \(n_embd = 32\) and mmproj \(n_embd = 64\)"):
        await RunnerClient.start(with_projector(config, other), timeout=60)


async def test_model_without_projector_sees_no_images(config: RunnerConfig) -> None:
    runner = await RunnerClient.start(msgspec.structs.replace(config, projector_path=""), timeout=60)
    try:
        with pytest.raises(InvalidRequest, match="This model does not see images"):
            await ask(runner, look("a", RED))
    finally:
        await runner.close()


def with_projector(config: RunnerConfig, path: Path) -> RunnerConfig:
    return msgspec.structs.replace(config, projector_path=str(path))


async def test_answer_to_an_image_is_not_shifted(seer: RunnerClient) -> None:
    request = msgspec.structs.replace(look("a", RED), shift=True, max_tokens=400)

    answer = await ask(seer, request)

    assert answer.end.finish_reason == "length"
    assert answer.end.stats.num_prompt_tokens + answer.end.stats.num_completion_tokens == 256
