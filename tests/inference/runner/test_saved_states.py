"""Conversations that come back from the disk, through real runner processes."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from inference.runner.client import RunnerClient
from inference.runner.messages import ChatMessage, ChatPrompt, OutputDelta, RunnerConfig, Submit
from tests.inference.runner.asking import ENDLESS, GREEDY, Answer, ask

pytestmark = pytest.mark.model

ALICE, BOB = "user:1/conversation:1", "user:2/conversation:1"
STORY = " ".join(f"Ship {number} carries salt to harbour {number + 3}." for number in range(23))
OTHER = " ".join(f"The {number}. tree is {number + 2} years old." for number in range(23))

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


async def test_taken_over_conversation_of_another_owner_is_computed_anew(open_runner: Open) -> None:
    async with open_runner() as runner:
        await ask(runner, submit(STORY))
        other = await ask(runner, submit(STORY, scope=BOB))
    async with open_runner() as runner:
        third = await ask(runner, submit(STORY, scope="user:3/conversation:1"))
        same_owner = await ask(runner, submit(STORY, scope="user:1/conversation:2"))

    # The template's own beginning is everybody's.
    assert cached(other) < 50 and cached(third) < 50
    assert cached(same_owner) > 250


@pytest.mark.parametrize("change", [{"model_digest": "sha256:2"}, {"num_ctx": 768}, {"kv_cache_type": "q8_0"}, {"num_slots": 2}])
async def test_state_of_another_model_or_other_settings_is_not_used(open_runner: Open, change: dict[str, object]) -> None:
    async with open_runner() as runner:
        first = await ask(runner, submit(STORY))
    async with open_runner(**change) as runner:
        again = await ask(runner, submit(STORY, first.text, "Go on."))

    assert cached(again) == 0 and again.text


async def test_damaged_file_is_thrown_away_and_the_answer_is_the_same(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner() as runner:
        first = await ask(runner, submit(STORY))
    (path,) = files(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    async with open_runner() as runner:
        path.write_bytes(content)
        again = await ask(runner, submit(STORY))
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


async def test_forgotten_conversation_is_gone_from_memory_and_disk(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner() as runner:
        await ask(runner, submit(STORY))
        await ask(runner, submit(OTHER, scope=BOB))
        assert len(files(tmp_path)) == 1
        await runner.forget("user:1")
        await runner.forget(BOB)
        again = await ask(runner, submit(OTHER, scope=BOB))
        await runner.forget(BOB)
    assert cached(again) == 0
    assert files(tmp_path) == []


async def test_nothing_is_kept_when_it_is_switched_off(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner(kv_cache_max_bytes=0) as runner:
        await ask(runner, submit(STORY))
        await ask(runner, submit(OTHER, scope=BOB))

    assert not (tmp_path / "kv").exists()


async def test_short_conversation_is_not_saved(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner() as runner:
        await ask(runner, submit("Say hello."))

    assert files(tmp_path) == []


async def test_two_runners_share_a_folder(open_runner: Open, tmp_path: Path) -> None:
    async with open_runner() as one, open_runner(socket_path=str(tmp_path / "other.sock")) as other:
        first = await ask(one, submit(STORY))
        await ask(other, submit(OTHER, scope=BOB))
    async with open_runner() as runner:
        alice = await ask(runner, submit(STORY, first.text, "Go on."))
        bob = await ask(runner, submit(OTHER, scope=BOB))

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
