"""What can be done with one message: fetched, stopped, continued, repeated."""

from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_answer
from tests.webui.views.conftest import HTMX
from webui.enums import MessageStatus
from webui.models import Message, User

ACTIONS = ["message-stop", "message-continue", "message-retry"]
#: A status in which the action does something.
OPEN_TO = {
    "message-stop": MessageStatus.STREAMING,
    "message-continue": MessageStatus.STOPPED,
    "message-retry": MessageStatus.FAILED,
}


def state(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.status, message.content


def test_fragment_is_the_message_alone(browser: Client, user: User) -> None:
    message = make_answer(user=user, content="**Air** <script>alert(1)</script>")
    soup = BeautifulSoup(browser.get(reverse("message", args=[message.pk]), headers=HTMX).content, "html.parser")
    assert soup.select_one(".answer strong").get_text() == "Air"
    assert (soup.select_one("script"), soup.select_one("html"), len(soup.select("article"))) == (None, None, 1)


@pytest.mark.parametrize("name", ["message", *ACTIONS])
def test_other_peoples_message_is_not_found(browser: Client, name: str) -> None:
    message = make_answer(status=OPEN_TO.get(name, MessageStatus.COMPLETE), content="secret")
    before = state(message)
    method = browser.get if name == "message" else browser.post
    for message_id in (message.pk, uuid4()):
        response = method(reverse(name, args=[message_id]))
        assert response.status_code == 404
        assert b"secret" not in response.content
    assert state(message) == before


@pytest.mark.parametrize("name", ACTIONS)
def test_action_rejects_get(browser: Client, user: User, name: str) -> None:
    message = make_answer(user=user, status=OPEN_TO[name])
    before = state(message)
    assert browser.get(reverse(name, args=[message.pk])).status_code == 405
    assert state(message) == before


@pytest.mark.parametrize("name", ["message", *ACTIONS])
def test_action_requires_login(client: Client, db: None, name: str) -> None:
    message = make_answer(status=OPEN_TO.get(name, MessageStatus.COMPLETE))
    before = state(message)
    response = (client.get if name == "message" else client.post)(reverse(name, args=[message.pk]))
    assert response["Location"].startswith(reverse("account_login"))
    assert state(message) == before


def test_stop_settles_an_answer_that_nothing_writes(browser: Client, user: User) -> None:
    message = make_answer(user=user, status=MessageStatus.STREAMING, content="Half")
    response = browser.post(reverse("message-stop", args=[message.pk]))
    assert response["Location"] == reverse("conversation", args=[message.conversation_id])
    assert state(message) == (MessageStatus.INTERRUPTED, "Half")


def test_stop_leaves_a_finished_answer_alone(browser: Client, user: User) -> None:
    message = make_answer(user=user)
    part = browser.post(reverse("message-stop", args=[message.pk]), headers=HTMX)
    assert 'data-status="complete"' in part.text
    assert state(message) == (MessageStatus.COMPLETE, "Because of the air.")


@pytest.mark.parametrize(
    ("name", "status", "content", "expected"),
    [
        ("message-continue", MessageStatus.STOPPED, "Half", "Half"),
        ("message-continue", MessageStatus.INTERRUPTED, "Half", "Half"),
        ("message-continue", MessageStatus.INTERRUPTED, "", ""),
        ("message-retry", MessageStatus.FAILED, "", ""),
        ("message-retry", MessageStatus.STOPPED, "", ""),
    ],
)
def test_unfinished_answer_waits_again_in_the_same_row(
    browser: Client, user: User, name: str, status: MessageStatus, content: str, expected: str
) -> None:
    message = make_answer(user=user, status=status, content=content, error_detail="lost", error_code="x")
    part = browser.post(reverse(name, args=[message.pk]), headers=HTMX)
    assert BeautifulSoup(part.content, "html.parser").select_one("message-stream") is not None
    assert state(message) == (MessageStatus.QUEUED, expected)
    assert (message.error_detail, message.error_code) == ("", "")


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("message-continue", MessageStatus.COMPLETE),
        ("message-continue", MessageStatus.FAILED),
        ("message-retry", MessageStatus.COMPLETE),
        ("message-retry", MessageStatus.STREAMING),
    ],
)
def test_answer_that_does_not_allow_it_is_left_alone(browser: Client, user: User, name: str, status: MessageStatus) -> None:
    message = make_answer(user=user, status=status, content="Text")
    response = browser.post(reverse(name, args=[message.pk]), headers=HTMX)
    assert (response.status_code, response["HX-Retarget"]) == (422, "#composer-error")
    assert state(message) == (status, "Text")


def test_only_the_last_answer_can_go_on(browser: Client, user: User) -> None:
    message = make_answer(user=user, status=MessageStatus.STOPPED)
    make_answer(conversation=message.conversation)
    response = browser.post(reverse("message-continue", args=[message.pk]), headers=HTMX)
    assert response.status_code == 422
    assert "Only the last answer" in response.text
    assert state(message)[0] == MessageStatus.STOPPED


def test_question_cannot_be_repeated(browser: Client, user: User) -> None:
    question = make_answer(user=user).parent
    assert question is not None
    response = browser.post(reverse("message-retry", args=[question.pk]), headers=HTMX)
    assert response.status_code == 422
    assert state(question) == (MessageStatus.COMPLETE, "Why is the sky blue?")
