"""Opening what is stored: long conversations, rich answers, hostile answers."""

import time

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Window, enter
from tests.e2e.seed import store_conversation
from tests.site import Site

HOSTILE = """
<script>window.pwned = 1</script> <img src=x onerror="window.pwned = 2">
[click](javascript:window.pwned=3) ![spy](https://spy.example/pixel.png) <svg onload="window.pwned=4">
<https://example.org/"onclick="window.pwned=5> <iframe srcdoc="<script>parent.pwned=6</script>"></iframe>

$\\href{javascript:window.pwned=7}{x}$

```html" onclick="window.pwned=8
<script>window.pwned = 9</script>
```
"""


def opened(window: Window, site: Site, title: str, texts: list[str]) -> Page:
    page = window(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
    email = enter(page, site)
    page.goto(store_conversation(site, email, title, texts))
    return page


def test_hostile_answer_runs_nothing_and_calls_nobody(window: Window, site: Site) -> None:
    page = window(locale="en-US").new_page()
    email = enter(page, site)
    address = store_conversation(site, email, "<b>bold</b>", ["<script>window.pwned=10</script>", HOSTILE])
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))

    page.goto(address)
    page.locator("article.assistant .answer a").first.click(trial=True)

    assert page.evaluate("window.pwned") is None
    assert hosts == {site.url.split("/")[2]}
    expect(
        page.locator("article.assistant img, article.assistant script, article.assistant iframe, article.assistant svg")
    ).to_have_count(0)
    expect(page.locator("article.user .bubble")).to_have_text("<script>window.pwned=10</script>")


def test_image_of_another_host_loads_when_asked(window: Window, site: Site) -> None:
    page = opened(window, site, "Picture", ["Show me", "![a cat](https://pictures.example/cat.png)"])
    asked: list[str] = []
    page.route("https://pictures.example/**", lambda route: (asked.append(route.request.url), route.fulfill(status=204)))

    page.locator("button.remote-image").click()

    page.wait_for_selector("article.assistant img")
    assert asked == ["https://pictures.example/cat.png"]


def test_code_and_table_are_rendered_and_code_is_copied(window: Window, site: Site) -> None:
    answer = "| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('<hi>')\n```\n\nEuler: $e^{i\\pi}+1=0$"
    page = opened(window, site, "Rich", ["Show me", answer])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.locator("figure.code button.copy").click()

    assert page.evaluate("navigator.clipboard.readText()").strip() == "print('<hi>')"
    expect(page.locator("article.assistant table td")).to_have_text(["1", "2"])
    expect(page.locator("article.assistant math")).to_have_count(1)


def test_thousand_messages_open_at_the_end_and_page_in(window: Window, site: Site) -> None:
    page = window(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
    email = enter(page, site)
    address = store_conversation(site, email, "Long", [f"message number {number} end" for number in range(1000)])

    started = time.monotonic()
    page.goto(address)
    expect(page.get_by_text("message number 999 end")).to_be_in_viewport()
    first = page.locator("article.message").count()
    page.locator("#scroller").evaluate("scroller => { scroller.scrollTop = 0 }")
    page.wait_for_function("count => document.querySelectorAll('article.message').length > count", arg=first)

    assert first < 100
    assert time.monotonic() - started < 60
    numbers = page.locator("article.message").all_text_contents()
    shown = [int(text.split("message number ")[1].split(" ")[0]) for text in numbers]
    assert shown == list(range(1000 - len(shown), 1000))


def test_rename_and_delete(window: Window, site: Site) -> None:
    page = opened(window, site, "Old title", ["Hello", "Hello yourself"])

    page.locator("#sidebar-list .entry button").first.click()
    page.locator("[data-rename]").click()
    page.fill("#sidebar-list input[name=title], .entry input[name=title]", "New title")
    page.keyboard.press("Enter")
    expect(page.locator("#sidebar-list .entry-link")).to_have_text(["New title"])
    page.locator("#sidebar-list .entry button").first.click()
    page.locator(".entry-menu .danger").click()
    expect(page.locator("dialog[open]")).to_be_visible()
    page.locator("dialog[open] button.danger").click()

    expect(page.locator("#sidebar-list .entry-link")).to_have_count(0)
    assert page.url == f"{site.url}/"
