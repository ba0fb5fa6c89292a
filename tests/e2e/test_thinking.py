"""A model that thinks before it answers, on the real page: the switch, the folded thinking, reload."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ask, wait_for_end
from tests.e2e.test_layout import assert_accessible, assert_nothing_overflows
from tests.site import MODEL, Site, wait_until

THINKER = "thinker:latest"
#: As models that think are written for: what they think stands between tags, and a prompt may end with the first of these.
TEMPLATE = (
    "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ if .Thinking }}<think>\n{{ .Thinking }}\n</think>\n{{ end }}"
    "{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n{{ if $.Think }}<think>\n{{ end }}"
)
#: Enough for the starter model to do likewise.
EXAMPLES = [
    ("What is 2+2?", "The person asks for a sum. Two and two make four.", "2+2 is 4."),
    ("What is the capital of France?", "The person asks for a city. The capital of France is Paris.", "The capital is Paris."),
    ("What colour is the sky?", "The person asks about the sky. On a clear day it is blue.", "The sky is blue."),
]


@pytest.fixture
def thinker(site: Site) -> Iterator[None]:
    messages = []
    for question, thinking, answer in EXAMPLES:
        messages += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": f"<think>\n{thinking}\n</think>\n{answer}"},
        ]
    body = {"model": THINKER, "from": MODEL, "template": TEMPLATE, "messages": messages, "stream": False}
    with httpx.Client(base_url=site.runtime_url, timeout=30) as client:
        client.post("/api/create", json={**body, "parameters": {"temperature": 0}}).raise_for_status()
        yield
        client.request("DELETE", "/api/delete", json={"model": THINKER}).raise_for_status()


def test_model_thinks_when_it_is_asked_to(page: Page, site: Site, thinker: None) -> None:
    switch = page.locator("input[name=thinking]")
    page.goto(f"{site.url}/?model={MODEL}")
    expect(page.locator(".think-switch")).to_be_hidden()
    # A list of models that the site asked for before this one was made is shown for two seconds more.
    wait_until(lambda: page.goto(f"{site.url}/?model={THINKER}") and page.locator(".think-switch").count(), "the switch")
    page.locator(".think-switch").click()
    expect(switch).to_be_checked()
    assert_accessible(page)

    ask(page, "What colour is grass?")
    wait_for_end(page)
    thinking = page.locator("article.assistant details.thinking")
    expect(thinking.locator("summary")).to_have_text(re.compile("Thought for .+ s"))
    expect(thinking.locator(".thinking-text")).to_be_hidden()
    thinking.locator("summary").click()
    expect(thinking.locator(".thinking-text")).to_be_visible()
    thought = thinking.locator(".thinking-text").inner_text()
    assert (len(thought) > 10, "<think>" in thought) == (True, False)
    assert "think>" not in page.locator("article.assistant .answer").inner_text()
    assert_accessible(page)

    page.reload()
    expect(switch).to_be_checked()
    thinking.locator("summary").click()
    assert thinking.locator(".thinking-text").inner_text() == thought
    page.set_viewport_size({"width": 390, "height": 844})
    assert_nothing_overflows(page)
