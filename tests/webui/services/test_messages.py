"""What the send service decides by itself, whichever door it is called from."""

import asyncio
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from tests.factories import make_answer, make_conversation, make_user
from tests.webui.fake_runtime import FakeRuntime, Reply
from webui.enums import MessageRole, MessageStatus
from webui.models import Message
from webui.queries import branch_messages
from webui.services.errors import ContentRefused
from webui.services.messages import LONGEST_CONTENT, SentMessage, check_content, send_message
from webui.services.prompts import build_prompt


@pytest.mark.parametrize("content", ["", " ", "\n\t\r\n", "x" * (LONGEST_CONTENT + 1)])
def test_content_that_is_refused(content: str) -> None:
    with pytest.raises(ContentRefused):
        check_content(content)


def test_content_keeps_everything_but_carriage_returns() -> None:
    assert check_content("  a\r\nb\rc \n") == "  a\nb\nc \n"


async def test_of_simultaneous_senders_one_gets_an_answer(runtime: FakeRuntime) -> None:
    async def endless(reply: Reply) -> None:
        await asyncio.Event().wait()

    runtime.script(endless)
    user = await sync_to_async(make_user)()
    conversation = await sync_to_async(make_conversation)(user=user, messages=2)
    barrier = threading.Barrier(4)

    def send() -> SentMessage:
        barrier.wait(timeout=10)
        try:
            return send_message(user, content="Me", model="m", conversation=conversation)
        finally:
            connection.close()

    async with asyncio.timeout(30):
        results = await asyncio.gather(*(asyncio.to_thread(send) for _ in range(4)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AnswerRunning"] * 3 + ["SentMessage"]
    assert await conversation.messages.acount() == 4


@pytest.mark.django_db(transaction=True)
def test_answer_that_cannot_be_started_does_not_stay_queued() -> None:
    with pytest.raises(RuntimeError):
        send_message(make_user(), content="Hi", model="m")
    assert Message.objects.get(role=MessageRole.ASSISTANT).status == MessageStatus.INTERRUPTED


def test_prompt_leaves_out_failed_answers_and_joins_questions(db: None) -> None:
    failed = make_answer(status=MessageStatus.FAILED, content="")
    last = make_answer(conversation=failed.conversation, status=MessageStatus.QUEUED, content="")
    prompt = build_prompt(failed.conversation, branch_messages(last))
    assert prompt == [{"role": "user", "content": "Why is the sky blue?\n\nWhy is the sky blue?"}]


def test_prompt_follows_the_branch_only(db: None) -> None:
    conversation = make_conversation(messages=2)
    other_branch = make_answer(conversation=conversation, content="On another branch")
    conversation.active_leaf = conversation.messages.order_by("id")[1]
    conversation.save()
    chosen = make_answer(conversation=conversation, content="Here")
    contents = [message["content"] for message in build_prompt(conversation, branch_messages(chosen))]
    assert other_branch.content not in contents
    assert contents == ["Message number 0.", "Message number 1.", "Why is the sky blue?", "Here"]
