"""Generations from sending to the saved row, against a scripted runtime."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.factories import make_answer, make_conversation, make_user
from tests.webui.fake_runtime import FakeRuntime, Reply, answer
from webui.enums import MessageStatus, TitleSource
from webui.models import Message, User
from webui.services.generation.registry import registry
from webui.services.messages import SentMessage, continue_message, retry_message, send_message, stop_message

MODEL = "smollm2:135m"


@pytest.fixture
async def user(transactional_db: None) -> User:
    return await sync_to_async(make_user)()


async def send(user: User, content: str = "Why?", **fields: Any) -> SentMessage:
    return await sync_to_async(send_message)(user, content=content, model=MODEL, **fields)


async def ended(message: Message) -> Message:
    """The row after its generation has ended."""
    async with asyncio.timeout(10):
        while registry.is_running(message.pk):
            await registry.wait(message.pk)
    return await Message.objects.select_related("conversation").aget(pk=message.pk)


async def shows(message: Message, text: str) -> None:
    """Returns when the live stream has exactly this text."""
    async with asyncio.timeout(10):
        while (stream := await registry.find(message.pk)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        seen = -1
        while stream.text != text:
            seen = await stream.changed(seen)


async def test_send_asks_once_with_exactly_the_conversation(runtime: FakeRuntime, user: User) -> None:
    conversation = await sync_to_async(make_conversation)(
        user=user, messages=2, system_prompt="Be brief.", title_source=TitleSource.USER
    )
    runtime.script(answer("Be", "cause."))
    sent = await send(user, "And why?", conversation=conversation)
    row = await ended(sent.answer)
    assert (row.content, row.status, row.finish_reason) == ("Because.", MessageStatus.COMPLETE, "stop")
    assert runtime.requests == [
        {
            "model": MODEL,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Message number 0."},
                {"role": "assistant", "content": "Message number 1."},
                {"role": "user", "content": "And why?"},
            ],
            "stream": True,
            "think": False,
            "hearth": {
                "client": str(user.pk),
                "scope": f"user:{user.pk}/conversation:{conversation.pk}",
                "events": True,
            },
        }
    ]


async def test_ending_keeps_counts_and_times(runtime: FakeRuntime, user: User) -> None:
    runtime.script(answer("Hi", hearth={"cached_tokens": 4, "dropped_tokens": 9}, prompt_eval_duration=20_400_000), answer(""))
    row = await ended((await send(user)).answer)
    assert (row.prompt_tokens, row.completion_tokens, row.dropped_tokens) == (12, 3, 9)
    assert (row.load_ms, row.prompt_eval_ms, row.eval_ms) == (5, 20, 40)
    assert row.ttft_ms is not None and row.ttft_ms < 5000
    assert row.finished_at is not None and row.tokens_per_second == 75


async def test_plain_ollama_leaves_unknown_counts_empty(runtime: FakeRuntime, user: User) -> None:
    async def ollama(reply: Reply) -> None:
        await reply.line(message={"role": "assistant", "content": "Hello"}, done=False)
        await reply.line(message={"role": "assistant", "content": "!"}, done=True, done_reason="length")

    runtime.script(ollama, answer(""))
    row = await ended((await send(user)).answer)
    assert (row.content, row.status, row.finish_reason) == ("Hello!", MessageStatus.COMPLETE, "length")
    assert (row.prompt_tokens, row.dropped_tokens, row.eval_ms) == (None, None, None)


async def test_running_answer_is_saved_before_its_end(runtime: FakeRuntime, user: User) -> None:
    go_on = asyncio.Event()

    async def slow(reply: Reply) -> None:
        await reply.text("Half")
        await go_on.wait()
        await reply.text(" done")
        await reply.done()

    runtime.script(slow, answer(""))
    sent = await send(user)
    async with asyncio.timeout(10):
        while (await Message.objects.aget(pk=sent.answer.pk)).content != "Half":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (await Message.objects.aget(pk=sent.answer.pk)).status == MessageStatus.STREAMING
    go_on.set()
    assert (await ended(sent.answer)).content == "Half done"


async def test_stop_closes_the_request_and_keeps_the_text(runtime: FakeRuntime, user: User) -> None:
    async def endless(reply: Reply) -> None:
        await reply.text("Once upon")
        await asyncio.Event().wait()

    runtime.script(endless)
    sent = await send(user)
    await shows(sent.answer, "Once upon")
    await sync_to_async(stop_message)(await Message.objects.aget(pk=sent.answer.pk))
    row = await ended(sent.answer)
    assert (row.content, row.status, row.finish_reason, row.error_detail) == ("Once upon", MessageStatus.STOPPED, "abort", "")
    async with asyncio.timeout(5):
        await runtime.replies[0].closed_by_client.wait()


async def test_stop_at_once_never_loses_the_ending(runtime: FakeRuntime, user: User) -> None:
    runtime.script(answer("too late"), answer(""))
    sent = await send(user)
    await sync_to_async(stop_message)(sent.answer)
    row = await ended(sent.answer)
    assert row.status in (MessageStatus.STOPPED, MessageStatus.COMPLETE)
    assert row.finished_at is not None


async def test_runtime_cut_in_mid_answer_is_interrupted_with_text(runtime: FakeRuntime, user: User) -> None:
    async def dies(reply: Reply) -> None:
        await reply.text("The first ha")
        reply.cut()

    runtime.script(dies)
    row = await ended((await send(user)).answer)
    assert (row.content, row.status, row.error_code) == ("The first ha", MessageStatus.INTERRUPTED, "stream_broken")
    assert row.error_detail == "The connection to the model runtime was lost."
    assert len(runtime.requests) == 1


async def test_runtime_cut_in_mid_line_keeps_the_lines_before(runtime: FakeRuntime, user: User) -> None:
    async def dies(reply: Reply) -> None:
        await reply.text("Whole")
        await reply.raw(b'{"message": {"content": "hal')
        reply.cut()

    runtime.script(dies)
    row = await ended((await send(user)).answer)
    assert (row.content, row.status) == ("Whole", MessageStatus.INTERRUPTED)


async def test_runtime_cut_before_the_first_token_is_asked_once_more(runtime: FakeRuntime, user: User) -> None:
    async def dies(reply: Reply) -> None:
        await reply.line(event="loading", fraction=0.5)
        reply.cut()

    runtime.script(dies, answer("Second try"), answer(""))
    row = await ended((await send(user)).answer)
    assert (row.content, row.status) == ("Second try", MessageStatus.COMPLETE)
    assert runtime.requests[0] == runtime.requests[1]


async def test_runtime_cut_twice_before_the_first_token_fails(runtime: FakeRuntime, user: User) -> None:
    async def crashes(reply: Reply) -> None:
        await reply.refuse(500, error="runner exited with signal 9", code="runner_crashed")

    runtime.script(crashes, crashes)
    row = await ended((await send(user)).answer)
    assert (row.content, row.status, row.error_code) == ("", MessageStatus.FAILED, "runner_crashed")
    assert "stopped unexpectedly" in row.error_detail
    assert len(runtime.requests) == 2


@pytest.mark.parametrize(
    ("status", "fields", "code", "sentence"),
    [
        (404, {"error": "model 'x' not found"}, "model_not_found", "is not installed"),
        (503, {"error": "server busy"}, "queue_full", "Too many people"),
        (400, {"error": "12 is more than 8", "code": "context_length_exceeded"}, "context_length_exceeded", "12 is more than 8"),
        (500, {"error": "bad magic", "code": "model_load_failed"}, "model_load_failed", "could not be loaded: bad magic"),
        (500, {}, "engine_error", "reported an error"),
    ],
)
async def test_refusal_fails_without_a_second_try(
    runtime: FakeRuntime, user: User, status: int, fields: dict[str, str], code: str, sentence: str
) -> None:
    async def refuses(reply: Reply) -> None:
        await reply.refuse(status, **fields)

    runtime.script(refuses)
    row = await ended((await send(user)).answer)
    assert (row.status, row.error_code) == (MessageStatus.FAILED, code)
    assert sentence in row.error_detail
    assert len(runtime.requests) == 1


async def test_error_line_after_text_interrupts(runtime: FakeRuntime, user: User) -> None:
    async def fails(reply: Reply) -> None:
        await reply.text("Some")
        await reply.line(error="the runner died", code="runner_crashed")

    runtime.script(fails)
    row = await ended((await send(user)).answer)
    assert (row.content, row.status, row.error_code) == ("Some", MessageStatus.INTERRUPTED, "runner_crashed")


async def test_garbage_line_interrupts(runtime: FakeRuntime, user: User) -> None:
    async def garbles(reply: Reply) -> None:
        await reply.text("Some")
        await reply.raw(b"<html>bad gateway</html>\n")

    runtime.script(garbles)
    row = await ended((await send(user)).answer)
    assert (row.content, row.status) == ("Some", MessageStatus.INTERRUPTED)


async def test_characters_that_break_stores_and_lines_arrive_whole(runtime: FakeRuntime, user: User) -> None:
    async def odd(reply: Reply) -> None:
        await reply.raw('{"message":{"content":"a\u2028b\x85c"},"done":false}\n'.encode())
        await reply.raw(b'{"message":{"content":"\\u0000\\ud83d!"},"done":false}\n')
        await reply.done()

    runtime.script(odd, answer(""))
    row = await ended((await send(user)).answer)
    assert row.content == "a\u2028b\x85c\ufffd!"


async def test_title_is_asked_for_behind_the_first_answer(runtime: FakeRuntime, user: User) -> None:
    titled = asyncio.Event()

    async def title(reply: Reply) -> None:
        await reply.text('Title: "Blue', ' Skies"\nmore')
        await reply.done()
        titled.set()

    runtime.script(answer("Air."), title)
    sent = await send(user, "Why is the sky blue?")
    await ended(sent.answer)
    async with asyncio.timeout(10):
        await titled.wait()
        conversation = sent.conversation
        while conversation.title_source != TitleSource.MODEL:
            await conversation.arefresh_from_db()
    assert conversation.title == "Blue Skies"
    asked = runtime.requests[1]
    assert asked["hearth"]["priority"] == "background"
    assert [message["content"] for message in asked["messages"][:2]] == ["Why is the sky blue?", "Air."]
    assert asked["options"]["num_predict"] <= 32


async def test_title_is_not_asked_for_a_second_exchange(runtime: FakeRuntime, user: User) -> None:
    conversation = await sync_to_async(make_conversation)(user=user, messages=2)
    runtime.script(answer("Yes."))
    await ended((await send(user, conversation=conversation)).answer)
    assert len(runtime.requests) == 1


async def test_rename_ends_the_title_request_and_stays(runtime: FakeRuntime, user: User) -> None:
    from webui.services.conversations import rename_conversation

    asked = asyncio.Event()

    async def endless(reply: Reply) -> None:
        await reply.text("A model's title")
        asked.set()
        await asyncio.Event().wait()

    runtime.script(answer("Air."), endless)
    sent = await send(user)
    async with asyncio.timeout(10):
        await asked.wait()
        await sync_to_async(rename_conversation)(sent.conversation, title="Mine")
        await runtime.replies[1].closed_by_client.wait()
    await sent.conversation.arefresh_from_db()
    assert (sent.conversation.title, sent.conversation.title_source) == ("Mine", TitleSource.USER)


async def test_delete_ends_the_answer(runtime: FakeRuntime, user: User) -> None:
    from webui.services.conversations import delete_conversation

    async def endless(reply: Reply) -> None:
        await reply.text("Once")
        await asyncio.Event().wait()

    runtime.script(endless)
    sent = await send(user)
    await shows(sent.answer, "Once")
    await sync_to_async(delete_conversation)(sent.conversation)
    async with asyncio.timeout(10):
        await runtime.replies[0].closed_by_client.wait()
        await registry.wait(sent.answer.pk)
    assert not await Message.objects.filter(pk=sent.answer.pk).aexists()


async def test_continue_goes_on_in_the_same_row(runtime: FakeRuntime, user: User) -> None:
    message = await sync_to_async(make_answer)(
        user=user, status=MessageStatus.INTERRUPTED, content="Because of", error_detail="x"
    )
    runtime.script(answer(" the air."), answer(""))
    await sync_to_async(continue_message)(message)
    row = await ended(message)
    assert (row.content, row.status, row.error_detail) == ("Because of the air.", MessageStatus.COMPLETE, "")
    assert runtime.requests[0]["messages"][-1] == {"role": "assistant", "content": "Because of"}


async def test_retry_begins_anew_in_the_same_row(runtime: FakeRuntime, user: User) -> None:
    message = await sync_to_async(make_answer)(user=user, status=MessageStatus.FAILED, content="", error_detail="x")
    runtime.script(answer("Now."), answer(""))
    await sync_to_async(retry_message)(message)
    row = await ended(message)
    assert (row.content, row.status, row.error_detail, row.error_code) == ("Now.", MessageStatus.COMPLETE, "", "")
    assert runtime.requests[0]["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]


async def test_shut_down_saves_what_runs_as_interrupted(runtime: FakeRuntime, user: User) -> None:
    async def endless(reply: Reply) -> None:
        await reply.text("Until now")
        await asyncio.Event().wait()

    runtime.script(endless)
    sent = await send(user)
    await shows(sent.answer, "Until now")
    await registry.shut_down()
    row = await Message.objects.aget(pk=sent.answer.pk)
    assert (row.content, row.status, row.error_code) == ("Until now", MessageStatus.INTERRUPTED, "interrupted")
    assert row.error_detail == "The server was restarted while this was written."
