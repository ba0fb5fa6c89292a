"""Answers that are thought about first: asked for, kept beside the answer, and never part of a prompt."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.factories import make_user
from tests.webui.fake_runtime import FakeRuntime, Reply, answer
from tests.webui.services.test_generation import ended, shows
from webui.enums import MessageStatus
from webui.models import Conversation, Message, User
from webui.services import models
from webui.services.generation.registry import registry
from webui.services.messages import SentMessage, continue_message, retry_message, send_message, stop_message
from webui.services.models import model_picker

THINKER, PLAIN = "qwen3:4b", "smollm2:135m"


@pytest.fixture(autouse=True)
def tags(runtime: FakeRuntime) -> Iterator[None]:
    models.forget_list()
    listed = [
        {"name": THINKER, "size": 5, "capabilities": ["completion", "thinking"]},
        {"name": PLAIN, "size": 5, "capabilities": ["completion"]},
    ]
    runtime.tags = {"models": listed}
    yield
    models.forget_list()


@pytest.fixture
async def user(transactional_db: None) -> User:
    return await sync_to_async(make_user)()


async def send(user: User, model: str = THINKER, **fields: Any) -> SentMessage:
    return await sync_to_async(send_message)(user, content="Why?", model=model, **fields)


async def thinking(reply: Reply) -> None:
    await reply.thought("First ", "this.\0")
    await reply.text("Be", "cause.")
    await reply.done()


async def stream_of(message: Message) -> Any:
    async with asyncio.timeout(10):
        while (stream := await registry.find(message.pk)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
    return stream


async def test_thinking_is_kept_beside_the_answer_and_never_sent_again(runtime: FakeRuntime, user: User) -> None:
    runtime.script(thinking, answer(""), answer("Yes."))
    sent = await send(user, wants_thinking=True)
    row = await ended(sent.answer)
    await ended((await send(user, conversation=row.conversation)).answer)

    assert (row.content, row.thinking, row.status) == ("Because.", "First this.", MessageStatus.COMPLETE)
    assert row.thinking_ms is not None
    asked = [request for request in runtime.requests if request["hearth"].get("events")]
    assert [request["think"] for request in asked] == [True, False]
    assert all("First" not in str(request["messages"]) for request in runtime.requests)


async def test_model_that_cannot_think_is_not_asked_to(runtime: FakeRuntime, user: User) -> None:
    runtime.script(answer("Because."), answer(""))
    row = await ended((await send(user, PLAIN, wants_thinking=True)).answer)

    assert (runtime.requests[0]["think"], row.wants_thinking, row.thinking, row.thinking_ms) == (False, False, "", None)
    # The switch stays as it was left, for the next model that has one.
    assert (await Conversation.objects.aget(pk=row.conversation_id)).wants_thinking


async def test_switch_is_as_the_person_had_it_last(runtime: FakeRuntime, user: User) -> None:
    def picker(**fields: Any) -> tuple[bool, bool]:
        found = model_picker(user, **fields)
        return found.offers_thinking, found.wants_thinking

    assert await sync_to_async(picker)() == (True, False)
    runtime.script(thinking, answer(""))
    row = await ended((await send(user, wants_thinking=True)).answer)

    assert await sync_to_async(picker)() == (True, True)
    assert await sync_to_async(picker)(conversation=row.conversation) == (True, True)


async def test_answer_stopped_while_it_is_thought_about_is_tried_anew(runtime: FakeRuntime, user: User) -> None:
    async def endless(reply: Reply) -> None:
        await reply.thought("Hm. ")
        await reply.closed_by_client.wait()

    runtime.script(endless, thinking, answer(""))
    sent = await send(user, wants_thinking=True)
    stream = await stream_of(sent.answer)
    seen = -1
    async with asyncio.timeout(10):
        while stream.thinking != "Hm. ":
            seen = await stream.changed(seen)
    assert stream.progress.stage == "thinking"
    await sync_to_async(stop_message)(sent.answer)
    row = await ended(sent.answer)
    assert (row.content, row.thinking, row.status) == ("", "Hm. ", MessageStatus.STOPPED)

    row = await ended(await sync_to_async(continue_message)(row))
    assert (row.content, row.thinking, row.status) == ("Because.", "First this.", MessageStatus.COMPLETE)
    assert [request["think"] for request in runtime.requests[:2]] == [True, True]


async def test_answer_that_goes_on_keeps_its_thinking_and_is_not_thought_about_again(runtime: FakeRuntime, user: User) -> None:
    async def half(reply: Reply) -> None:
        await reply.thought("First this.")
        await reply.text("Be")
        await reply.closed_by_client.wait()

    runtime.script(half, answer("cause."), answer(""))
    sent = await send(user, wants_thinking=True)
    await shows(sent.answer, "Be")
    await sync_to_async(stop_message)(sent.answer)
    stopped = await ended(sent.answer)
    row = await ended(await sync_to_async(continue_message)(stopped))

    assert (row.content, row.thinking, row.thinking_ms) == ("Because.", "First this.", stopped.thinking_ms)
    assert runtime.requests[1]["messages"][-1] == {"role": "assistant", "content": "Be"}
    assert runtime.requests[1]["think"] is False


async def test_thinking_without_an_answer_asks_for_no_title_and_can_be_tried_again(runtime: FakeRuntime, user: User) -> None:
    async def lost(reply: Reply) -> None:
        await reply.thought("Round and round.")
        await reply.done(done_reason="length")

    runtime.script(lost, thinking, answer(""))
    sent = await send(user, wants_thinking=True)
    row = await ended(sent.answer)
    assert (row.content, row.thinking, row.status) == ("", "Round and round.", MessageStatus.COMPLETE)
    assert len(runtime.requests) == 1

    row = await ended(await sync_to_async(retry_message)(row))
    assert (row.content, row.thinking) == ("Because.", "First this.")


async def test_connection_lost_in_mid_thought_keeps_what_was_thought(runtime: FakeRuntime, user: User) -> None:
    async def cut(reply: Reply) -> None:
        await reply.thought("Hm. ")
        reply.cut()

    runtime.script(cut)
    row = await ended((await send(user, wants_thinking=True)).answer)
    assert (row.content, row.thinking, row.status) == ("", "Hm. ", MessageStatus.INTERRUPTED)
