"""What is deleted here is forgotten by the runtime, which is told whose every prompt is."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from tests.factories import make_administrator, make_conversation, make_user
from tests.webui.fake_runtime import FakeRuntime, answer
from webui.services.conversations import delete_conversation
from webui.services.errors import RuntimeFailure
from webui.services.forgetting import scope_of
from webui.services.generation.registry import registry
from webui.services.inference_client import InferenceClient
from webui.services.messages import send_message
from webui.services.people import delete_person


async def test_deleted_conversation_is_forgotten(runtime: FakeRuntime) -> None:
    conversation = await sync_to_async(make_conversation)(messages=2)
    scope = scope_of(conversation.owner_id, conversation.pk)

    await sync_to_async(delete_conversation)(conversation)

    assert await asyncio.wait_for(runtime.forgotten.get(), 10) == scope


async def test_deleted_persons_conversations_are_forgotten(runtime: FakeRuntime) -> None:
    administrator, person = await sync_to_async(make_administrator)(), await sync_to_async(make_user)()
    conversation = await sync_to_async(make_conversation)(user=person)
    scope = scope_of(person.pk)

    await sync_to_async(delete_person)(person, by=administrator)

    assert await asyncio.wait_for(runtime.forgotten.get(), 10) == scope
    assert scope_of(conversation.owner_id, conversation.pk).startswith(scope + "/")


async def test_prompt_and_title_are_asked_for_in_the_conversations_scope(runtime: FakeRuntime) -> None:
    runtime.script(answer("Because of the air."), answer("Blue"))
    person = await sync_to_async(make_user)()

    sent = await sync_to_async(send_message)(person, content="Why is the sky blue?", model="smollm2:135m")
    async with asyncio.timeout(10):
        await registry.wait(sent.answer.pk)
        while len(runtime.requests) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    scope = scope_of(person.pk, sent.conversation.pk)
    assert [request["hearth"]["scope"] for request in runtime.requests] == [scope, scope]


async def test_runtime_that_is_gone_is_an_error_to_try_again_after(runtime: FakeRuntime) -> None:
    client = InferenceClient()
    await runtime.stop()
    try:
        with pytest.raises(RuntimeFailure):
            await client.forget("user:1")
    finally:
        await client.aclose()
