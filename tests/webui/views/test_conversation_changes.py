"""Renaming and deleting."""

from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_conversation
from tests.webui.views.conftest import HTMX
from webui.enums import TitleSource
from webui.models import Conversation, Message, User


def url(action: str, conversation: Conversation) -> str:
    return reverse(f"conversation-{action}", args=[conversation.pk])


def test_rename_keeps_the_title_and_the_place(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, title="Old")
    moment = conversation.active_at
    part = browser.post(url("rename", conversation), {"title": "  A new\n title "}, headers=HTMX)
    conversation.refresh_from_db()
    assert (conversation.title, conversation.title_source) == ("A new title", TitleSource.USER)
    assert conversation.active_at == moment
    soup = BeautifulSoup(part.content, "html.parser")
    assert [link.get_text() for link in soup.select(".entry-link")] == ["A new title"]


def test_rename_works_without_scripts(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user)
    response = browser.post(url("rename", conversation), {"title": "New"})
    assert response["Location"] == reverse("conversation", args=[conversation.pk])


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "a\0b"])
def test_rename_refuses_bad_titles(browser: Client, user: User, title: str) -> None:
    conversation = make_conversation(user=user, title="Old")
    response = browser.post(url("rename", conversation), {"title": title}, headers=HTMX)
    conversation.refresh_from_db()
    assert (response.status_code, conversation.title) == (422, "Old")
    assert BeautifulSoup(response.content, "html.parser").select_one("p").get_text() != ""


def test_delete_asks_first(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, messages=2, title="Doomed")
    page = browser.get(url("delete", conversation))
    dialog = browser.get(url("delete", conversation), headers=HTMX)
    assert "Doomed" in page.text and "<html" in page.text
    assert "Doomed" in dialog.text and "<html" not in dialog.text
    assert Conversation.objects.count() == 1


def test_delete_takes_the_messages_along(browser: Client, user: User) -> None:
    conversation, kept = make_conversation(user=user, messages=3), make_conversation(user=user, messages=1)
    response = browser.post(url("delete", conversation))
    assert response["Location"] == reverse("chat")
    assert list(Conversation.objects.all()) == [kept]
    assert Message.objects.count() == 1


def test_delete_of_the_shown_conversation_leads_away(browser: Client, user: User) -> None:
    shown, other = make_conversation(user=user), make_conversation(user=user)
    headers = {**HTMX, "HX-Current-URL": f"http://testserver{reverse('conversation', args=[shown.pk])}"}
    staying = browser.post(url("delete", other), headers=headers)
    leaving = browser.post(url("delete", shown), headers=headers)
    assert "HX-Redirect" not in staying
    assert shown.title in staying.text and other.title not in staying.text
    assert leaving["HX-Redirect"] == reverse("chat")


@pytest.mark.parametrize("action", ["rename", "delete"])
def test_other_peoples_conversation_is_not_found(browser: Client, action: str) -> None:
    foreign = make_conversation(title="Theirs")
    assert browser.post(url(action, foreign), {"title": "Mine"}).status_code == 404
    assert browser.post(reverse(f"conversation-{action}", args=[uuid4()]), {"title": "Mine"}).status_code == 404
    assert [conversation.title for conversation in Conversation.objects.all()] == ["Theirs"]


@pytest.mark.parametrize("action", ["rename", "delete"])
def test_change_requires_login(client: Client, db: None, action: str) -> None:
    conversation = make_conversation(title="Theirs")
    response = client.post(url(action, conversation), {"title": "Mine"})
    assert response["Location"].startswith(reverse("account_login"))
    assert [conversation.title for conversation in Conversation.objects.all()] == ["Theirs"]


def test_rename_rejects_get(browser: Client, user: User) -> None:
    conversation = make_conversation(user=user, title="Old")
    assert browser.get(url("rename", conversation), {"title": "New"}).status_code == 405
    conversation.refresh_from_db()
    assert conversation.title == "Old"
