"""The chat page: new, existing, long, somebody else's."""

import time
from uuid import UUID, uuid4

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from tests.factories import make_answer, make_conversation, make_user
from tests.webui.views.conftest import HTMX
from webui.enums import MessageStatus
from webui.models import Conversation, User

#: Session, person, conversation, one page of its branch, the sidebar.
QUERIES = 5


def page_of(conversation: Conversation) -> str:
    return reverse("conversation", args=[conversation.pk])


def test_new_chat_is_empty(browser: Client) -> None:
    response = browser.get(reverse("chat"))
    soup = BeautifulSoup(response.content, "html.parser")
    assert response.status_code == 200
    assert soup.select_one("form#composer") is not None
    assert soup.select(".message") == []


def test_conversation_shows_its_branch_in_order(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=3, title="About <skies>")
    soup = BeautifulSoup(browser.get(page_of(conversation)).content, "html.parser")
    texts = [message.get_text(" ", strip=True) for message in soup.select("#messages .message")]
    assert [f"Message number {number}." in text for number, text in enumerate(texts)] == [True] * 3
    assert soup.select_one("h1").get_text(strip=True) == "About <skies>"


@pytest.mark.parametrize("name", ["chat", "conversation"])
def test_page_requires_login(client: Client, db: None, name: str) -> None:
    address = reverse(name, args=[make_conversation(messages=1).pk] if name == "conversation" else [])
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("change", [{"is_approved": False}, {"is_active": False}])
def test_conversation_is_closed_to_those_who_may_not_enter(client: Client, db: None, change: dict[str, bool]) -> None:
    user = make_user(**change)
    conversation = make_conversation(user=user, messages=2)
    client.force_login(user)
    response = client.get(page_of(conversation))
    assert response.status_code == 302
    assert b"Message number" not in response.content


def test_other_peoples_conversation_looks_like_a_missing_one(browser: Client) -> None:
    foreign = browser.get(page_of(make_conversation(messages=2)))
    missing = browser.get(reverse("conversation", args=[uuid4()]))
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert "There is nothing here" in foreign.text
    assert b"Message number" not in foreign.content


@pytest.mark.parametrize("hostile", ["1", "1 OR 1=1", "../people", "%00", "00000000-0000-0000-0000-00000000000g"])
def test_hostile_id_is_not_found(browser: Client, hostile: str) -> None:
    assert browser.get(f"/c/{hostile}/").status_code == 404


def test_page_rejects_post(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=1)
    assert browser.post(page_of(conversation)).status_code == 405
    assert browser.post(reverse("chat")).status_code == 405
    assert Conversation.objects.count() == 1


def test_htmx_gets_the_main_column_only(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=2)
    part = BeautifulSoup(browser.get(page_of(conversation), headers=HTMX).content, "html.parser")
    assert part.select_one("main#main") is not None
    assert (part.select_one("html"), part.select_one("#sidebar-list")) == (None, None)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_page_and_its_parts_are_kept_apart_by_browsers(browser: Client, user: User, headers: dict[str, str]) -> None:
    response = browser.get(page_of(make_conversation(user=user)), headers=headers)
    assert "HX-Request" in response["Vary"].split(", ")


def test_going_back_gets_the_whole_page(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=2)
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    page = BeautifulSoup(browser.get(page_of(conversation), headers=headers).content, "html.parser")
    assert page.select_one("html #sidebar-list") is not None


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_queries_do_not_depend_on_length(
    browser: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    conversation = make_conversation(user=user, messages=count)
    for _ in range(min(count, 3) - 1):
        make_conversation(user=user, messages=1)
    with django_assert_num_queries(QUERIES):
        response = browser.get(page_of(conversation))
    assert len(BeautifulSoup(response.content, "html.parser").select("#messages .message")) == min(count, 40)


def test_long_conversation_opens_fast(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=1000)
    browser.get(page_of(conversation))
    started = time.process_time()
    response = browser.get(page_of(conversation))
    assert time.process_time() - started < 0.3
    assert "Message number 999." in response.text


def test_older_messages_join_without_gap_or_overlap(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=100)
    soup = BeautifulSoup(browser.get(page_of(conversation)).content, "html.parser")
    shown = [message["id"] for message in soup.select(".message")]
    while older := soup.select_one(".older"):
        soup = BeautifulSoup(browser.get(older["hx-get"], headers=HTMX).content, "html.parser")
        assert soup.select_one("main") is None
        shown = [message["id"] for message in soup.select(".message")] + shown
    messages = conversation.messages.order_by("id")
    assert shown == [f"message-{message.pk}" for message in messages]


def test_older_messages_work_without_scripts(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=50)
    soup = BeautifulSoup(browser.get(page_of(conversation)).content, "html.parser")
    page = BeautifulSoup(browser.get(soup.select_one(".older a")["href"]).content, "html.parser")
    assert len(page.select("html #messages .message")) == 10


@pytest.mark.parametrize("before", ["x", "1", "%00"])
def test_older_with_a_hostile_id_is_not_found(browser: Client, user: User, before: str) -> None:
    conversation = make_conversation(user=user, messages=2)
    address = reverse("conversation-messages", args=[conversation.pk])
    assert browser.get(f"{address}?before={before}").status_code == 404


def test_older_refuses_a_message_of_another_conversation(browser: Client, user: User) -> None:
    mine, foreign = make_conversation(user=user, messages=2), make_conversation(messages=2)
    address = reverse("conversation-messages", args=[mine.pk])
    response = browser.get(f"{address}?before={foreign.active_leaf_id}", headers=HTMX)
    assert response.status_code == 404
    assert b"Message number" not in response.content


def test_running_answer_shows_closed_blocks_and_where_to_go_on(browser: Client, user: User) -> None:
    message = make_answer(user=user, status=MessageStatus.STREAMING, content="First *block*\n\nsecond, still op")
    soup = BeautifulSoup(browser.get(page_of(message.conversation)).content, "html.parser")
    stream = soup.select_one("message-stream")
    assert stream["data-message"] == str(message.pk)
    assert stream["data-offset"] == str(len("First *block*\n\n"))
    assert stream.select_one(".blocks").decode_contents().strip() == "<p>First <em>block</em></p>"


def test_circle_of_parents_still_answers(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=3)
    first = conversation.messages.order_by("id").first()
    assert first is not None
    first.parent_id = UUID(str(conversation.active_leaf_id))
    first.save()
    assert browser.get(page_of(conversation)).status_code == 200


def test_answer_that_repeated_itself_says_so_in_words(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=2)
    answer = conversation.messages.get(role="assistant")

    plain = browser.get(page_of(conversation)).content.decode()
    conversation.messages.filter(pk=answer.pk).update(finish_reason="repeat")
    explained = browser.get(page_of(conversation)).content.decode()

    assert "begun to repeat itself" not in plain
    assert "begun to repeat itself without end, so the answer was ended here" in explained
