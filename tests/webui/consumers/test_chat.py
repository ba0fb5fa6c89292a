"""The page's socket on the real application: who may say what, and what comes back."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.test import AsyncClient

from tests.factories import make_answer, make_user
from tests.webui.consumers.conftest import OpenPage, session_cookie
from tests.webui.fake_runtime import FakeRuntime, Reply, answer
from webui.enums import MessageStatus
from webui.models import Message, User
from webui.services.generation.registry import registry
from webui.services.messages import SentMessage, send_message
from webui.services.notices import access_revoked, conversation_changed


async def send(user: User) -> SentMessage:
    return await sync_to_async(send_message)(user, content="Why?", model="m")


async def test_ping_is_answered(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    page = await open_page(user)
    await page.say(type="ping")
    assert await page.hear() == {"type": "pong"}


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "null",
        "{}",
        '{"type": "root"}',
        '{"type": 7}',
        '{"type": "generation.attach"}',
        '{"type": "generation.attach", "stream": -1, "message": "00000000-0000-0000-0000-000000000000"}',
        '{"type": "generation.attach", "stream": "1", "message": "00000000-0000-0000-0000-000000000000"}',
        '{"type": "generation.attach", "stream": 1, "message": "1 OR 1=1"}',
        '{"type": "generation.attach", "stream": 1, "message": "00000000-0000-0000-0000-000000000000", "offset": 1e99}',
        '{"type": "generation.stop", "message": null}',
        "[" * 50_000,
        '{"type": "\\ud800"}',
    ],
)
async def test_malformed_action_is_refused_and_the_socket_lives(
    runtime: FakeRuntime, user: User, open_page: OpenPage, text: str
) -> None:
    page = await open_page(user)
    await page.socket.send_to(text_data=text)
    assert (await page.hear())["code"] == "malformed"
    await page.say(type="ping")
    assert await page.hear() == {"type": "pong"}


async def test_binary_frame_is_refused(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    page = await open_page(user)
    await page.socket.send_to(bytes_data=b"\x00\xff")
    refusal = await page.hear()
    assert (refusal["type"], refusal["code"]) == ("error", "malformed")


@pytest.mark.parametrize("action", ["generation.attach", "generation.stop"])
async def test_other_peoples_message_is_as_if_missing(runtime: FakeRuntime, user: User, open_page: OpenPage, action: str) -> None:
    foreign = await sync_to_async(make_answer)(content="secret", status=MessageStatus.STREAMING)
    page = await open_page(user)
    heard = []
    for message_id in (foreign.pk, uuid4()):
        await page.say(type=action, message=str(message_id), **({"stream": 1} if action == "generation.attach" else {}))
        heard.append(await page.hear())
    assert heard[0] == heard[1]
    assert (heard[0]["type"], heard[0]["code"]) == ("error", "not_found")
    assert (await Message.objects.aget(pk=foreign.pk)).status == MessageStatus.STREAMING


async def test_finished_message_ends_at_once(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    message = await sync_to_async(make_answer)(user=user)
    page = await open_page(user)
    await page.say(type="generation.attach", stream=3, message=str(message.pk), offset=0)
    expected = {"type": "generation.finished", "stream": 3, "status": "complete", "title": message.conversation.title}
    assert await page.hear() == expected


async def test_orphaned_row_is_settled(
    runtime: FakeRuntime, user: User, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.consumers.chat.SECONDS_TO_START", 0.1)
    message = await sync_to_async(make_answer)(user=user, status=MessageStatus.STREAMING)
    page = await open_page(user)
    await page.say(type="generation.attach", stream=1, message=str(message.pk))
    assert (await page.hear())["status"] == "interrupted"
    assert (await Message.objects.aget(pk=message.pk)).status == MessageStatus.INTERRUPTED


async def test_two_pages_follow_one_answer(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    both_attached = asyncio.Event()

    async def slow(reply: Reply) -> None:
        await reply.line(event="queued", position=3, seconds=14)
        await both_attached.wait()
        await reply.text("One\n\n", "Two")
        await reply.done()

    runtime.script(slow, answer(""))
    sent = await send(user)
    pages = [await open_page(user), await open_page(user)]
    for number, page in enumerate(pages):
        await page.say(type="generation.attach", stream=number, message=str(sent.answer.pk))
        status = {"type": "generation.status", "stream": number, "status": "queued", "position": 2, "seconds": 14}
        assert await page.hear() == status
    both_attached.set()
    for number, page in enumerate(pages):
        heard = await page.hear_until("generation.finished")
        frames = [frame for frame in heard if isinstance(frame, list)]
        assert all(frame[0] == number for frame in frames)
        assert "<p>One</p>" in "".join(str(frame[-1]) for frame in frames)
        assert sum(1 for event in heard if isinstance(event, dict) and event["type"] == "generation.finished") == 1


async def test_closing_the_page_leaves_the_answer_running(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    page_is_gone = asyncio.Event()

    async def slow(reply: Reply) -> None:
        await reply.text("Before")
        await page_is_gone.wait()
        await reply.text(" and after")
        await reply.done()

    runtime.script(slow, answer(""))
    sent = await send(user)
    page = await open_page(user)
    await page.say(type="generation.attach", stream=1, message=str(sent.answer.pk))
    await page.hear()
    await page.socket.disconnect()
    page_is_gone.set()
    await registry.wait(sent.answer.pk)
    row = await Message.objects.aget(pk=sent.answer.pk)
    assert (row.content, row.status) == ("Before and after", MessageStatus.COMPLETE)


async def test_stop_from_the_page(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    async def endless(reply: Reply) -> None:
        await reply.text("Once")
        await asyncio.Event().wait()

    runtime.script(endless)
    sent = await send(user)
    page = await open_page(user)
    await page.say(type="generation.attach", stream=1, message=str(sent.answer.pk))
    heard = [await page.hear()]
    while not isinstance(heard[-1], list):
        heard.append(await page.hear())
    await page.say(type="generation.stop", message=str(sent.answer.pk))
    assert (await page.hear_until("generation.finished"))[-1]["status"] == "stopped"
    assert (await Message.objects.aget(pk=sent.answer.pk)).content == "Once"


async def test_detached_stream_is_silent_and_its_number_free(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    go_on = asyncio.Event()

    async def slow(reply: Reply) -> None:
        await reply.text("a")
        await go_on.wait()
        await reply.done()

    runtime.script(slow, answer(""))
    sent = await send(user)
    page = await open_page(user)
    attach: dict[str, Any] = {"type": "generation.attach", "stream": 1, "message": str(sent.answer.pk)}
    await page.say(**attach)
    await page.hear()
    await page.say(**attach)
    assert [event for event in await page.hear_until("error") if isinstance(event, dict)][-1]["code"] == "stream_in_use"
    await page.say(type="generation.detach", stream=1)
    await page.say(**attach)
    go_on.set()
    assert (await page.hear_until("generation.finished"))[-1]["status"] == "complete"


async def test_streams_of_a_page_are_limited(
    runtime: FakeRuntime, user: User, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.consumers.chat.STREAMS_PER_PAGE", 2)
    go_on = asyncio.Event()

    async def waits(reply: Reply) -> None:
        await go_on.wait()
        await reply.done()

    runtime.script(waits, answer(""))
    sent = await send(user)
    page = await open_page(user)
    for number in range(3):
        await page.say(type="generation.attach", stream=number, message=str(sent.answer.pk))
    refusal = await page.hear()
    assert (refusal["code"], refusal["stream"]) == ("too_many_streams", 2)
    go_on.set()


async def test_conversation_changed_reaches_only_its_owner(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    other = await sync_to_async(make_user)()
    pages = [await open_page(user), await open_page(other)]
    conversation_id = uuid4()
    await sync_to_async(conversation_changed)(user.pk, conversation_id)
    assert await pages[0].hear() == {"type": "conversation.changed", "conversation": str(conversation_id)}
    await pages[1].say(type="ping")
    assert await pages[1].hear() == {"type": "pong"}


async def test_stranger_hears_that_the_session_ended(runtime: FakeRuntime, open_page: OpenPage) -> None:
    page = await open_page(None)
    assert await page.hear() == {"type": "session.ended"}
    assert (await page.socket.receive_output(timeout=5))["code"] == 4401


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_approved": False}, {"password": "!"}])
async def test_action_after_being_shut_out_is_not_done(
    runtime: FakeRuntime, user: User, open_page: OpenPage, change: dict[str, Any]
) -> None:
    message = await sync_to_async(make_answer)(user=user, status=MessageStatus.STREAMING)
    page = await open_page(user)
    await User.objects.filter(pk=user.pk).aupdate(**change)
    await page.say(type="generation.stop", message=str(message.pk))
    assert await page.hear() == {"type": "session.ended"}
    assert (await page.socket.receive_output(timeout=5))["code"] == 4401
    assert (await Message.objects.aget(pk=message.pk)).status == MessageStatus.STREAMING


async def test_signing_out_elsewhere_ends_the_stream(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    async def endless(reply: Reply) -> None:
        await reply.text("secret")
        await asyncio.Event().wait()

    runtime.script(endless)
    sent = await send(user)
    page = await open_page(user)
    await page.say(type="generation.attach", stream=1, message=str(sent.answer.pk))
    await page.hear()
    await Session.objects.all().adelete()
    await sync_to_async(access_revoked)(user.pk)
    heard = await page.hear_until("session.ended")
    assert not any(isinstance(event, dict) and event["type"] == "generation.finished" for event in heard)
    assert (await page.socket.receive_output(timeout=5))["code"] == 4401


async def test_signing_out_in_another_tab_ends_the_stream(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    async def endless(reply: Reply) -> None:
        await reply.text("secret")
        await asyncio.Event().wait()

    runtime.script(endless)
    sent = await send(user)
    cookie = await sync_to_async(session_cookie)(user)
    page = await open_page(user, cookie=cookie)
    await page.say(type="generation.attach", stream=1, message=str(sent.answer.pk))
    await page.hear()
    tab = AsyncClient()
    tab.cookies.load(cookie)
    answer = await tab.post("/accounts/logout/")
    heard = await page.hear_until("session.ended")
    assert answer["Location"] == "/accounts/login/"
    assert not any(isinstance(event, dict) and event["type"] == "generation.finished" for event in heard)


async def test_refusals_speak_the_language_of_the_page(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    cookie = f"{await sync_to_async(session_cookie)(user)}; hearth_language=zh-hans"
    english, chinese = await open_page(user), await open_page(user, cookie=cookie)
    for page in (english, chinese):
        await page.say(type="generation.stop", message=str(uuid4()))
    assert (await english.hear())["message"] == "This message does not exist."
    assert (await chinese.hear())["code"] == "not_found"


async def test_thinking_is_streamed_from_where_the_page_is(runtime: FakeRuntime, user: User, open_page: OpenPage) -> None:
    is_attached = asyncio.Event()

    async def thinking(reply: Reply) -> None:
        await reply.thought("First ")
        await is_attached.wait()
        await reply.thought("this.")
        await reply.text("Because.")
        await reply.done()

    runtime.script(thinking, answer(""))
    sent = await send(user)
    page = await open_page(user)
    await page.say(type="generation.attach", stream=1, message=str(sent.answer.pk), thought=2)
    heard = await page.hear_until("generation.status")
    if heard[-1]["status"] != "thinking":
        heard += await page.hear_until("generation.status")
    is_attached.set()
    heard += await page.hear_until("generation.finished")

    statuses = [event["status"] for event in heard if isinstance(event, dict) and event["type"] == "generation.status"]
    thought = [frame[1] for frame in heard if isinstance(frame, list) and isinstance(frame[1], list)]
    assert statuses[-2:] == ["thinking", "streaming"]
    assert "".join(text for _end, text in thought) == "rst this."
    assert thought[-1][0] == len("First this.")
    assert (await Message.objects.aget(pk=sent.answer.pk)).thinking == "First this."
