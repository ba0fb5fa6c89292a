"""Every size, theme and language: nothing overflows, everything has a name, contrast suffices."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Window, enter
from tests.e2e.seed import store_conversation
from tests.site import Site

ANSWER = """## Salt

A list:

1. one
2. two

| use | why |
|---|---|
| food | taste |

```python
print('a rather long line of code', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
```

> quoted

- [x] done

$$x^2$$
"""


def assert_accessible(page: Page) -> None:
    # Only what is wrong is told in full.
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
    results = Axe().run(page, options=options)
    assert results.violations_count == 0, results.generate_report()


def assert_nothing_overflows(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_pages_hold_at_every_size_theme_and_language(window: Window, site: Site, width: int, scheme: str, locale: str) -> None:
    page = window(viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale).new_page()
    page.goto(f"{site.url}/accounts/login/")
    assert_accessible(page)
    assert_nothing_overflows(page)

    email = enter(page, site)
    assert page.get_attribute("html", "lang") == ("zh-hans" if locale == "zh-CN" else "en")
    assert_accessible(page)
    assert_nothing_overflows(page)

    page.goto(store_conversation(site, email, "Salt and its uses", ["What is salt for?", ANSWER]))
    expect(page.locator("article.assistant table")).to_be_visible()
    assert_accessible(page)
    assert_nothing_overflows(page)


def test_drawer_opens_and_closes_on_a_phone(window: Window, site: Site) -> None:
    page = window(viewport={"width": 390, "height": 844}, locale="en-US").new_page()
    enter(page, site)
    expect(page.locator("#sidebar")).not_to_be_visible()

    page.locator(".drawer-opener").first.click()
    expect(page.locator("#sidebar .new-conversation")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.locator("#sidebar")).not_to_be_visible()
    expect(page.locator(".drawer-opener").first).to_be_focused()


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.locator("body").press("Tab")
    seen = []
    for _ in range(25):
        seen.append(
            page.evaluate("document.activeElement.className || document.activeElement.name || document.activeElement.tagName")
        )
        page.keyboard.press("Tab")

    reached = " ".join(seen)
    for part in ("new-conversation", "content"):
        assert part in reached


def test_theme_switch_is_kept(page: Page, site: Site) -> None:
    page.context.add_cookies([{"name": "hearth_theme", "value": "dark", "url": site.url}])
    page.reload()

    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
