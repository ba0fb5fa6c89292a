"""The page with models that can think: the switch, what was thought, and answers of which nothing came."""

from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.factories import make_answer, make_conversation
from tests.webui.http_runtime import HTTPRuntime, http_runtime
from webui.enums import MessageStatus
from webui.models import Message, User
from webui.services import models

THINKER = {"name": "qwen3:4b", "size": 5, "capabilities": ["completion", "thinking"]}
PLAIN = {"name": "smollm2:135m", "size": 5, "capabilities": ["completion"]}


@pytest.fixture
def runtime(nowhere: None, settings: Any) -> Iterator[HTTPRuntime]:
    with http_runtime() as runtime:
        settings.INFERENCE_URL = runtime.url
        runtime.answers["GET /api/tags"] = {"models": [THINKER, PLAIN]}
        models.forget_list()
        yield runtime
    models.forget_list()


def soup_of(browser: Client, path: str) -> BeautifulSoup:
    return BeautifulSoup(browser.get(path).content, "html.parser")


def shown(browser: Client, message: Message) -> BeautifulSoup:
    return soup_of(browser, reverse("message", args=[message.pk]))


def test_switch_is_there_where_a_model_can_think(browser: Client, runtime: HTTPRuntime) -> None:
    soup = soup_of(browser, "/")

    assert soup.select_one("input[name=thinking]").has_attr("checked") is False
    marked = {option["value"]: option.has_attr("data-thinks") for option in soup.select("#model option")}
    assert marked == {"qwen3:4b": True, "smollm2:135m": False}

    runtime.answers["GET /api/tags"] = {"models": [PLAIN]}
    models.forget_list()
    assert soup_of(browser, "/").select("input[name=thinking]") == []


@pytest.mark.parametrize("model", ["qwen3:4b", "QWEN3:4B"])
def test_choice_is_kept_with_the_conversation(browser: Client, user: User, runtime: HTTPRuntime, model: str) -> None:
    browser.post("/messages/", {"content": "Why?", "model": model, "thinking": "on"})
    answer = Message.objects.get(role="assistant")

    assert (answer.wants_thinking, answer.conversation.wants_thinking) == (True, True)
    page = soup_of(browser, reverse("conversation", args=[answer.conversation_id]))
    assert page.select_one("input[name=thinking]").has_attr("checked")


def test_thinking_is_folded_text_beside_the_answer(browser: Client, user: User) -> None:
    thinking = "<script>alert(1)</script>\n**not bold**"
    message = make_answer(user=user, content="Because.", thinking=thinking, thinking_ms=12_400)
    soup = shown(browser, message)

    details = soup.select_one("details.thinking")
    assert (details.has_attr("open"), details.summary.get_text(strip=True)) == (False, "Thought for 12 s")
    assert details.select_one(".thinking-text").get_text() == thinking
    # What is copied, and read aloud, is the answer alone.
    assert soup.select_one(".answer").get_text(strip=True) == "Because."
    assert soup.select(".answer .thinking, .thinking script, .thinking strong") == []


def test_answer_without_thinking_shows_none(browser: Client, user: User) -> None:
    assert shown(browser, make_answer(user=user)).select(".thinking") == []


def test_running_answer_says_how_much_of_the_thinking_it_shows(browser: Client, user: User) -> None:
    message = make_answer(user=user, content="", thinking="想 😀", status=MessageStatus.STREAMING)
    stream = shown(browser, message).select_one("message-stream")

    assert (stream["data-thought"], stream.select_one(".thinking-text").get_text()) == ("3", "想 😀")
    message = make_answer(user=user, content="", status=MessageStatus.QUEUED)
    stream = shown(browser, message).select_one("message-stream")
    assert (stream["data-thought"], stream.select_one(".thinking").has_attr("hidden")) == ("0", True)


@pytest.mark.parametrize(("thinking", "sentence"), [("Hm.", "The model thought, and ended"), ("", "The model ended")])
def test_answer_of_which_nothing_came_says_so_and_can_be_tried_again(
    browser: Client, user: User, thinking: str, sentence: str
) -> None:
    message = make_answer(user=user, content="", thinking=thinking)
    soup = shown(browser, message)

    assert sentence in soup.get_text(" ", strip=True)
    assert soup.select_one("form")["action"] == reverse("message-retry", args=[message.pk])


def test_answer_cut_at_its_length_can_go_on(browser: Client, user: User) -> None:
    message = make_answer(user=user, finish_reason="length")
    soup = shown(browser, message)

    assert "The answer has reached its length limit." in soup.get_text(" ", strip=True)
    assert soup.select_one("form")["action"] == reverse("message-continue", args=[message.pk])
    assert shown(browser, make_answer(user=user, finish_reason="stop")).select("form") == []


def test_thinking_of_other_people_is_not_there(browser: Client, db: None) -> None:
    foreign = make_answer(conversation=make_conversation(), thinking="a thought nobody may read")
    assert browser.get(reverse("message", args=[foreign.pk])).status_code == 404
