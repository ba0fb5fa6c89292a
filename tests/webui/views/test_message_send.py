"""Posting the composer: with htmx and without, and everything that can be wrong with it."""

from typing import Any
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_answer, make_conversation
from tests.webui.views.conftest import HTMX
from webui.enums import MessageRole, MessageStatus
from webui.models import Conversation, Message, User
from webui.services.messages import ANSWERS_PER_PERSON, LONGEST_CONTENT

SEND = "/messages/"


def form(content: str = "Why is the sky blue?", **fields: Any) -> dict[str, Any]:
    return {"content": content, "model": "smollm2:135m", **fields}


def test_first_message_begins_a_conversation(browser: Client, user: User) -> None:
    response = browser.post(SEND, form("  Why is\r\nthe sky blue?"))
    conversation = Conversation.objects.get()
    question, answer = conversation.messages.order_by("id")
    assert response.status_code == 302 and response["Location"] == reverse("conversation", args=[conversation.pk])
    assert (conversation.owner, conversation.title, conversation.active_leaf) == (user, "Why is the sky blue?", answer)
    assert (question.role, question.content, question.parent) == (MessageRole.USER, "  Why is\nthe sky blue?", None)
    assert (answer.role, answer.status, answer.parent, answer.model) == ("assistant", "queued", question, "smollm2:135m")


def test_next_message_follows_the_branch(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=2)
    browser.post(SEND, form(conversation=conversation.pk))
    question = Message.objects.get(content="Why is the sky blue?")
    assert question.parent_id == conversation.active_leaf_id
    conversation.refresh_from_db()
    assert conversation.active_leaf is not None and conversation.active_leaf.parent == question


def test_htmx_gets_both_messages_and_the_sidebar(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=2)
    part = BeautifulSoup(browser.post(SEND, form(conversation=conversation.pk), headers=HTMX).content, "html.parser")
    assert [message["class"][1] for message in part.select("article.message")] == ["user", "assistant"]
    assert part.select_one("message-stream[data-status=queued]") is not None
    assert part.select_one("[hx-swap-oob]").get_text(strip=True).count(conversation.title) >= 1
    assert part.select_one("main") is None


def test_htmx_gets_the_main_column_of_a_new_conversation(browser: Client) -> None:
    response = browser.post(SEND, form(), headers=HTMX)
    conversation = Conversation.objects.get()
    part = BeautifulSoup(response.content, "html.parser")
    assert response["HX-Push-Url"] == reverse("conversation", args=[conversation.pk])
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#main", "outerHTML")
    assert part.select_one("main#main")["data-conversation"] == str(conversation.pk)
    assert part.select_one("[hx-swap-oob]") is not None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"content": ""}, "Write something first."),
        ({"content": " \n\t "}, "Write something first."),
        ({"content": "x" * (LONGEST_CONTENT + 1)}, "too long: 200001 characters, the limit is 200000"),
        ({"content": "a\0b"}, "Null characters are not allowed."),
        ({"model": "m" * 256}, "at most 255 characters"),
        ({"model": ""}, "Choose a model first."),
    ],
)
def test_bad_input_is_refused_with_a_sentence(browser: Client, fields: dict[str, str], sentence: str) -> None:
    htmx = browser.post(SEND, form() | fields, headers=HTMX)
    page = browser.post(SEND, form() | fields)
    assert (htmx.status_code, htmx["HX-Retarget"], htmx["HX-Reswap"]) == (422, "#composer-error", "innerHTML")
    assert sentence in htmx.text and "<form" not in htmx.text
    soup = BeautifulSoup(page.content, "html.parser")
    assert page.status_code == 422
    assert sentence in soup.select_one("#composer-error").get_text()
    assert not Message.objects.exists()


def test_refused_draft_is_kept_and_escaped(browser: Client) -> None:
    response = browser.post(SEND, form("<script>alert(1)</script>", model=""))
    soup = BeautifulSoup(response.content, "html.parser")
    assert soup.select_one("textarea").get_text() == "<script>alert(1)</script>"


@pytest.mark.parametrize("make_id", [lambda: make_conversation(messages=2).pk, uuid4, lambda: "1 OR 1=1", lambda: "x" * 5000])
def test_foreign_missing_or_hostile_conversation_is_not_found(browser: Client, db: None, make_id: Any) -> None:
    conversation_id = make_id()
    before = Message.objects.count()
    assert browser.post(SEND, form(conversation=conversation_id)).status_code == 404
    assert Message.objects.count() == before


def test_second_answer_in_a_conversation_is_refused(browser: Client, user: User) -> None:
    message = make_answer(user=user, status=MessageStatus.STREAMING)
    response = browser.post(SEND, form("Me too", conversation=message.conversation_id), headers=HTMX)
    assert response.status_code == 422
    assert "still being written" in response.text
    assert Message.objects.count() == 2


def test_answers_of_one_person_are_limited(browser: Client, user: User) -> None:
    for _ in range(ANSWERS_PER_PERSON):
        make_answer(user=user, status=MessageStatus.QUEUED)
    make_answer(status=MessageStatus.QUEUED)
    response = browser.post(SEND, form(), headers=HTMX)
    assert response.status_code == 422
    assert "Too many of your answers" in response.text


def test_owner_and_status_cannot_be_posted(browser: Client, user: User) -> None:
    other = make_conversation()
    browser.post(
        SEND, form(owner=other.owner_id, role="system", status="complete", title="x", system_prompt="evil", id=str(uuid4()))
    )
    conversation = Conversation.objects.exclude(pk=other.pk).get()
    assert (conversation.owner, conversation.title, conversation.system_prompt) == (user, "Why is the sky blue?", "")
    assert {message.role for message in conversation.messages.all()} == {"user", "assistant"}


def test_send_requires_login(client: Client, db: None) -> None:
    response = client.post(SEND, form())
    assert response["Location"].startswith(reverse("account_login"))
    assert not Message.objects.exists()


def test_send_rejects_get(browser: Client) -> None:
    assert browser.get(SEND, form()).status_code == 405
    assert not Message.objects.exists()


def test_send_needs_the_forgery_token(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    response = client.post(SEND, form())
    assert response.status_code == 403
    assert "This form has expired" in response.text
    assert not Message.objects.exists()
