"""What happens to an answer that is being written when its reader is shut out."""

import asyncio
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async

from tests.factories import make_administrator, make_user
from tests.webui.fake_runtime import FakeRuntime, Reply
from webui.enums import MessageStatus
from webui.models import Message, User
from webui.services.messages import send_message
from webui.services.people import delete_person, disable_person


async def endless(reply: Reply) -> None:
    await reply.text("On and ", "on")
    await asyncio.Event().wait()


async def ask(person: User, runtime: FakeRuntime) -> Reply:
    """The runtime's side of an answer that has begun and would never end."""
    runtime.script(endless)
    await sync_to_async(send_message)(person, content="Hello", model="smollm2:135m")
    async with asyncio.timeout(10):
        while not runtime.replies:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return runtime.replies[0]


@pytest.mark.parametrize("decide", [disable_person, delete_person])
async def test_running_answer_stops_when_its_reader_is_shut_out(runtime: FakeRuntime, decide: Callable[..., None]) -> None:
    administrator, person = await sync_to_async(make_administrator)(), await sync_to_async(make_user)()
    reply = await ask(person, runtime)

    await sync_to_async(decide)(person, by=administrator)

    async with asyncio.timeout(10):
        await reply.closed_by_client.wait()
    running = Message.objects.filter(status__in=[MessageStatus.QUEUED, MessageStatus.STREAMING])
    async with asyncio.timeout(10):
        while await running.aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
