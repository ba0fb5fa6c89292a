"""The list of conversations: whose, in which order, grouped by the reader's days, page by page."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.factories import make_conversation
from tests.webui.views.conftest import HTMX
from webui.models import User
from webui.queries import CONVERSATIONS_PER_PAGE, day_label

SIDEBAR = "/sidebar/"


def listed(text: str) -> list[str]:
    return [link.get_text() for link in BeautifulSoup(text, "html.parser").select(".entry-link")]


def test_sidebar_lists_own_conversations_newest_first(browser: Client, user: User) -> None:
    make_conversation(title="Theirs")
    old = timezone.now() - timedelta(days=3)
    make_conversation(user=user, title="Old", active_at=old)
    make_conversation(user=user, title="New & <b>shiny</b>")
    response = browser.get(SIDEBAR)
    assert listed(response.text) == ["New & <b>shiny</b>", "Old"]
    assert [h.get_text() for h in BeautifulSoup(response.text, "html.parser").select("h2")] == ["Today", "Previous 7 days"]


def test_sidebar_requires_login(client: Client, db: None) -> None:
    make_conversation(title="Theirs")
    response = client.get(SIDEBAR)
    assert response["Location"].startswith(reverse("account_login"))
    assert "Theirs" not in response.text


def test_sidebar_rejects_post(browser: Client, user: User) -> None:
    make_conversation(user=user, title="Mine")
    response = browser.post(SIDEBAR)
    assert (response.status_code, "Mine" in response.text) == (405, False)


@pytest.mark.parametrize("parameter", ["before", "current"])
@pytest.mark.parametrize("value", ["x", "%00", "1 OR 1=1"])
def test_sidebar_with_a_hostile_id_is_not_found(browser: Client, parameter: str, value: str) -> None:
    response = browser.get(f"{SIDEBAR}?{parameter}={value}")
    assert (response.status_code, listed(response.text)) == (404, [])


def test_sidebar_does_not_page_from_other_peoples_conversations(browser: Client, user: User) -> None:
    make_conversation(user=user, title="Mine", active_at=timezone.now() - timedelta(days=1))
    for before in (make_conversation().pk, uuid4()):
        response = browser.get(f"{SIDEBAR}?before={before}")
        assert (response.status_code, listed(response.text)) == (404, [])


def test_pages_join_without_gap_or_overlap(browser: Client, user: User) -> None:
    moment = timezone.now() - timedelta(days=400)
    titles = [f"Number {number}" for number in range(CONVERSATIONS_PER_PAGE * 2 + 5)]
    for position, title in enumerate(titles):
        # Several share one moment: the id decides then.
        make_conversation(user=user, title=title, active_at=moment + timedelta(minutes=position // 4))
    shown: list[str] = []
    text = browser.get(SIDEBAR, headers=HTMX).text
    while True:
        shown += listed(text)
        more = BeautifulSoup(text, "html.parser").select_one(".sidebar-more")
        if more is None:
            break
        text = browser.get(more["hx-get"], headers=HTMX).text
        assert BeautifulSoup(text, "html.parser").select("h2") == []
    assert shown == titles[::-1]


def test_queries_do_not_depend_on_the_number(
    browser: Client, user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for total in (1, 3):
        while user.conversations.count() < total:
            make_conversation(user=user)
        with django_assert_num_queries(3):
            assert len(listed(browser.get(SIDEBAR).text)) == total


def test_current_conversation_is_marked(browser: Client, user: User) -> None:
    shown, _ = make_conversation(user=user), make_conversation(user=user)
    address = f"http://testserver{reverse('conversation', args=[shown.pk])}?x=1"
    soup = BeautifulSoup(browser.get(SIDEBAR, headers={**HTMX, "HX-Current-URL": address}).text, "html.parser")
    assert [link.get_text() for link in soup.select("[aria-current=page]")] == [shown.title]


def test_current_conversation_is_marked_below_a_mount_point(browser: Client, user: User, settings: Any) -> None:
    settings.SCRIPT_NAME = "/hearth"
    shown, _ = make_conversation(user=user), make_conversation(user=user)
    address = f"http://testserver/hearth{reverse('conversation', args=[shown.pk])}"
    soup = BeautifulSoup(browser.get(SIDEBAR, headers={**HTMX, "HX-Current-URL": address}).text, "html.parser")
    assert [link.get_text() for link in soup.select("[aria-current=page]")] == [shown.title]


@pytest.mark.parametrize("address", ["http://evil.example/c/", "javascript:alert(1)", "http://testserver/nowhere/", "\x01"])
def test_odd_current_address_marks_nothing(browser: Client, user: User, address: str) -> None:
    conversation = make_conversation(user=user)
    response = browser.get(SIDEBAR, headers={**HTMX, "HX-Current-URL": address})
    assert listed(response.text) == [conversation.title]
    assert "aria-current" not in response.text


@pytest.mark.parametrize(
    ("zone", "label"),
    [
        ("Pacific/Kiritimati", "Today"),
        ("Pacific/Pago_Pago", "Yesterday"),
        ("../etc/passwd", "Yesterday"),
        ("Mars/Base", "Yesterday"),
    ],
)
def test_days_are_the_readers(browser: Client, user: User, monkeypatch: pytest.MonkeyPatch, zone: str, label: str) -> None:
    # 10:30 UTC on the 10th is past midnight on the 11th in Kiritimati, and the evening of the 9th in Pago Pago.
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 3, 10, 10, 30, tzinfo=UTC))
    moment = {"Pacific/Kiritimati": datetime(2026, 3, 10, 10, 5, tzinfo=UTC)}.get(zone, datetime(2026, 3, 9, 9, 0, tzinfo=UTC))
    make_conversation(user=user, active_at=moment)
    browser.cookies["hearth_timezone"] = zone
    soup = BeautifulSoup(browser.get(SIDEBAR).text, "html.parser")
    assert soup.select_one("h2").get_text() == label


@pytest.mark.parametrize(
    ("days_ago", "label"),
    [
        (-1, "Today"),
        (0, "Today"),
        (1, "Yesterday"),
        (2, "Previous 7 days"),
        (7, "Previous 7 days"),
        (8, "Previous 30 days"),
        (30, "Previous 30 days"),
        (31, "August"),
        (273, "December 2025"),
    ],
)
def test_day_label(days_ago: int, label: str) -> None:
    today = date(2026, 9, 30)
    assert day_label(today - timedelta(days=days_ago), today) == label
