"""Conversations that come back from the disk, through real runner processes.

What the starter model says after its conversation has come back is what it would have said; whose state is used when, a model of
a few thousand weights shows in a tenth of the time.
"""

import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import (
    ChatMessage,
    ChatPrompt,
    OutputDelta,
    Submit,
)
from tests.inference.runner.asking import ENDLESS, GREEDY, Answer, ask
from tests.inference.tiny_models import WORDS, write_llama

pytestmark = pytest.mark.model

ALICE, BOB = "user:1/conversation:1", "user:2/conversation:1"
STORY = " ".join(f"Ship {number} carries salt to harbour {number + 3}." for number in range(23))
OTHER = " ".join(f"The {number}. tree is {number + 2} years old." for number in range(23))
#: For the tiny model, to which each word is a token.
DRAWN, OTHERS_DRAWN = (" ".join(random.Random(seed).choices(WORDS, k=300)) for seed in (1, 2))
TEMPLATE = "the sun is red {% for message in messages %}{{ message.content }} moon {% endfor %}"

Open = Callable[..., AbstractAsyncContextManager[RunnerClient]]


@pytest.fixture
def open_runner(config: RunnerConfig, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_runner(**changes: object) -> AsyncIterator[RunnerClient]:
        values = {"num_ctx": 1024, "num_slots": 1, "kv_dir": str(tmp_path / "kv"), "model_digest": "sha256:1"}
        changed = msgspec.structs.replace(config, **{**values, "kv_cache_max_bytes": 10**9, **changes})
        client = await RunnerClient.start(changed, timeout=60)
        try:
            yield client
        finally:
            await client.close()

    return open_runner


@pytest.fixture
def open_tiny(open_runner: Open, tmp_path: Path) -> Open:
    path = write_llama(tmp_path / "tiny.gguf", None, num_ctx=1024, chat_template=TEMPLATE)
    return partial(open_runner, model_path=str(path))


def files(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "kv").glob("*/*"))


def submit(*texts: str, scope: str = ALICE, max_tokens: int = 12) -> Submit:
    """Questions and answers in turn."""
    messages = [ChatMessage(("user", "assistant")[index % 2], text) for index, text in enumerate(texts)]
    return Submit(request_id=scope, prompt=ChatPrompt(messages), sampling=GREEDY, max_tokens=max_tokens, scope=scope)


def cached(answer: Answer) -> int:
    return answer.end.stats.num_cached_tokens


async def test_conversation_goes_on_after_a_restart_with_the_same_words(open_runner: Open) -> None:
    async with open_runner() as runner:
        first = await ask(runner, submit(STORY))
    async with open_runner() as runner:
        again = await ask(runner, submit(STORY, first.text, "Go on."))
    async with open_runner(kv_cache_max_bytes=0) as runner:
        assert (await ask(runner, submit(STORY))).text == first.text
        expected = await ask(runner, submit(STORY, first.text, "Go on."))

    assert again.text == expected.text != ""
    assert cached(again) == cached(expected)
    stats = first.end.stats
    # All but the last token of the answer, which nothing was computed from.
    assert cached(again) == stats.num_prompt_tokens + stats.num_completion_tokens - 1 > 250


async def test_taken_over_conversation_comes_back(open_runner: Open) -> None:
    async with open_runner() as runner:
        first = await ask(runner, submit(STORY))
        await ask(runner, submit(OTHER, scope=BOB))
        again = await ask(runner, submit(STORY, first.text, "Go on."))

    assert cached(again) > 250


async def test_taken_over_conversation_of_another_owner_is_computed_anew(open_tiny: Open) -> None:
    async with open_tiny() as runner:
        await ask(runner, submit(DRAWN))
        other = await ask(runner, submit(DRAWN, scope=BOB))
    async with open_tiny() as runner:
        third = await ask(runner, submit(DRAWN, scope="user:3/conversation:1"))
        same_owner = await ask(runner, submit(DRAWN, scope="user:1/conversation:2"))

    # The template's own beginning is everybody's.
    assert cached(other) < 50 and cached(third) < 50
    assert cached(same_owner) > 250


@pytest.mark.parametrize("change", [{"model_digest": "sha256:2"}, {"num_ctx": 768}, {"kv_cache_type": "f32"}, {"num_slots": 2}])
async def test_state_of_another_model_or_other_settings_is_not_used(open_tiny: Open, change: dict[str, object]) -> None:
    async with open_tiny() as runner:
        first = await ask(runner, submit(DRAWN))
    async with open_tiny(**change) as runner:
        again = await ask(runner, submit(DRAWN, first.text, "Go on."))

    assert cached(again) == 0 and again.text


async def test_damaged_file_is_thrown_away_and_the_answer_is_the_same(open_tiny: Open, tmp_path: Path) -> None:
    async with open_tiny() as runner:
        first = await ask(runner, submit(DRAWN))
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    async with open_tiny() as runner:
        path.write_bytes(content)
        again = await ask(runner, submit(DRAWN))
        assert not path.exists()

    assert cached(again) == 0 and again.text == first.text


async def test_sigterm_saves_what_was_being_written(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner() as runner:
        request = msgspec.structs.replace(submit(STORY), sampling=ENDLESS, max_tokens=None)
        async for event in runner.submit(request):
            if isinstance(event, OutputDelta):
                os.kill(runner.pid, signal.SIGTERM)
                break
        await runner.exited.wait()
    assert len(files(tmp_path)) == 1
    async with open_runner() as runner:
        again = await ask(runner, submit(STORY))

    assert cached(again) > 250


async def test_forgotten_conversation_is_gone_from_memory_and_disk(open_tiny: Open, tmp_path: Path) -> None:
    async with open_tiny() as runner:
        await ask(runner, submit(DRAWN))
        await ask(runner, submit(OTHERS_DRAWN, scope=BOB))
        assert len(files(tmp_path)) == 1
        await runner.forget("user:1")
        await runner.forget(BOB)
        again = await ask(runner, submit(OTHERS_DRAWN, scope=BOB))
        await runner.forget(BOB)
    assert cached(again) == 0
    assert files(tmp_path) == []


async def test_nothing_is_kept_when_it_is_switched_off(open_tiny: Open, tmp_path: Path) -> None:
    async with open_tiny(kv_cache_max_bytes=0) as runner:
        await ask(runner, submit(DRAWN))
        await ask(runner, submit(OTHERS_DRAWN, scope=BOB))

    assert not (tmp_path / "kv").exists()


async def test_short_conversation_is_not_saved(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner() as runner:
        await ask(runner, submit("Say hello."))

    assert files(tmp_path) == []


async def test_two_runners_share_a_folder(open_tiny: Open, tmp_path: Path) -> None:
    async with open_tiny() as one, open_tiny(socket_path=str(tmp_path / "other.sock")) as other:
        first = await ask(one, submit(DRAWN))
        await ask(other, submit(OTHERS_DRAWN, scope=BOB))
    async with open_tiny() as runner:
        alice = await ask(runner, submit(DRAWN, first.text, "Go on."))
        bob = await ask(runner, submit(OTHERS_DRAWN, scope=BOB))

    assert cached(alice) > 250 and cached(bob) > 250


async def test_document_in_a_busy_slot_is_copied(open_runner: Open) -> None:
    async with open_runner(num_slots=2) as runner:
        request = msgspec.structs.replace(submit(STORY), sampling=ENDLESS, max_tokens=None)
        stream = runner.submit(request)
        async for event in stream:
            if isinstance(event, OutputDelta):
                break
        copied = await ask(runner, submit(STORY + " Who pays?", scope="user:1/conversation:2"))
        await stream.aclose()

    assert cached(copied) > 250 and copied.text
