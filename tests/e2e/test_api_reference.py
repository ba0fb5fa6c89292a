"""The page of the APIs in a real browser: an example is changed, sent with a key, streams, is stopped; and becomes code."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.site import MODEL, Site


@pytest.fixture
def key(page: Page, site: Site) -> str:
    """Of the person, for chat."""
    page.goto(f"{site.url}/accounts/api-keys/")
    page.fill("input[name=name]", "Reference")
    page.click(".key-form button.primary")
    return page.locator("#new-key").input_value()


def open_endpoint(page: Page, site: Site, name: str) -> Locator:
    page.goto(f"{site.url}/api-reference/")
    endpoint = page.locator(f"#{name}")
    endpoint.locator("> summary").click()
    return endpoint


def send(page: Page, endpoint: Locator, key: str, **changes: object) -> None:
    page.fill("#key", key)
    body = endpoint.locator("[data-body]")
    body.fill(json.dumps({**json.loads(body.input_value()), **changes}))
    endpoint.locator("[data-send]").click()


def test_example_is_sent_and_its_answer_shown(page: Page, site: Site, key: str) -> None:
    endpoint = open_endpoint(page, site, "post-api-chat")

    send(page, endpoint, key, options={"num_predict": 3})

    expect(endpoint.locator("[data-status]")).to_contain_text("200 OK")
    lines = [json.loads(line) for line in endpoint.locator("[data-answer]").inner_text().splitlines() if line]
    assert (lines[0]["model"], lines[-1]["done"]) == (MODEL, True)
    assert key not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    page.reload()
    assert page.locator("#key").input_value() == ""


def test_answer_of_openais_shape_streams_and_is_stopped(page: Page, site: Site, key: str) -> None:
    endpoint = open_endpoint(page, site, "post-v1-chat-completions")

    send(page, endpoint, key, max_completion_tokens=800, messages=[{"role": "user", "content": "Count to a thousand."}])
    expect(endpoint.locator("[data-answer]")).to_contain_text("chat.completion.chunk")
    endpoint.locator("[data-stop]").click()

    expect(endpoint.locator("[data-status]")).to_have_text("Stopped.")
    expect(endpoint.locator("[data-send]")).to_be_focused()
    assert "[DONE]" not in endpoint.locator("[data-answer]").inner_text()


def test_refusals_are_shown(page: Page, site: Site) -> None:
    endpoint = open_endpoint(page, site, "post-api-chat")

    endpoint.locator("[data-send]").click()
    expect(endpoint.locator("[data-status]")).to_contain_text("Paste an API key first")
    expect(page.locator("#key")).to_be_focused()

    send(page, endpoint, "hearth-wrong")
    expect(endpoint.locator("[data-status]")).to_contain_text("401")
    expect(endpoint.locator("[data-answer]")).to_contain_text('"error"')

    endpoint.locator("[data-body]").fill("{")
    endpoint.locator("[data-send]").click()
    expect(endpoint.locator("[data-status]")).to_contain_text("not valid JSON")


def test_request_becomes_code(page: Page, site: Site) -> None:
    endpoint = open_endpoint(page, site, "post-v1-chat-completions")
    endpoint.locator(".as-code > summary").click()
    code = endpoint.locator("pre code").last

    expect(code).to_contain_text(f"curl -X POST '{site.url}/v1/chat/completions'")
    endpoint.get_by_role("button", name="Python").click()
    python = code.inner_text()
    compile(python, "example", "exec")
    assert f'OpenAI(base_url="{site.url}/v1", api_key="YOUR_KEY")' in python
    assert "stream=True," in python
    endpoint.get_by_role("button", name="JavaScript").click()
    expect(code).to_contain_text("await fetch(")


@pytest.mark.parametrize(("width", "is_dark"), [(1280, False), (390, True)])
def test_page_fits_and_is_accessible(page: Page, site: Site, width: int, is_dark: bool) -> None:
    page.emulate_media(color_scheme="dark" if is_dark else "light")
    page.set_viewport_size({"width": width, "height": 900})
    endpoint = open_endpoint(page, site, "post-api-chat")
    endpoint.locator(".as-code > summary").click()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
