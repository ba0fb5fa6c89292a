"""One real site and one real browser for all browser tests; each test gets a person and a window of its own."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import chromium
from tests.site import Site, scratch_site

RESULTS = Path("test-results")
PASSWORD = "correct horse battery"
numbers = itertools.count(1)

KEEPER = f"""
from webui.models import SiteSettings, User
fields = {{"display_name": "Keeper", "role": "administrator", "is_approved": True}}
User.objects.create_user("keeper@example.org", {PASSWORD!r}, **fields)
settings = SiteSettings.load()
settings.registration = "open"
settings.save()
"""

#: Models on a busy machine are slow; every wait is for a condition and ends as soon as it holds.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.nodeid:
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Its administrator is made first, so that tests may run alone and in any order."""
    with scratch_site() as site:
        site.manage("shell", "-c", KEEPER)
        yield site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


Window = Callable[..., BrowserContext]


@pytest.fixture
def window(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Window]:
    """Makes browser windows that share nothing. A script error in any page of theirs fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(**options: object) -> BrowserContext:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        contexts.append(context)
        return context

    yield make
    if getattr(request.node, "has_failed", False):
        RESULTS.mkdir(exist_ok=True)
        for page in itertools.chain.from_iterable(context.pages for context in contexts):
            page.screenshot(path=RESULTS / f"{request.node.name}.png")
    for context in contexts:
        context.close()
    assert errors == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.has_failed = report.failed  # type: ignore[attr-defined]
    return report


def register(page: Page, site: Site) -> str:
    """A new person, signed in and on the empty chat page. Returns the e-mail address."""
    email = f"person{next(numbers)}@example.org"
    page.goto(f"{site.url}/accounts/register/")
    page.fill("input[name=display_name]", "Ada")
    page.fill("input[name=email]", email)
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    page.click("main form[action*=register] button:not([type=button])")
    page.wait_for_selector("textarea[name=content]")
    page.wait_for_load_state()
    return email


@pytest.fixture
def page(window: Window, site: Site) -> Page:
    """A member on the empty chat page, in a wide window."""
    page = window(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
    register(page, site)
    return page


def ask(page: Page, text: str) -> None:
    page.fill("textarea[name=content]", text)
    page.press("textarea[name=content]", "Enter")


def stored_answer(site: Site, message_id: str) -> tuple[str, str]:
    """Content and status of a message as the database has them."""
    with sqlite3.connect(f"file:{site.data}/hearth.sqlite3?mode=ro", uri=True) as database:
        row = database.execute(
            "SELECT content, status FROM webui_message WHERE id = ?", (message_id.replace("-", ""),)
        ).fetchone()
    return row[0], row[1]


def last_answer_id(page: Page) -> str:
    return str(page.locator("article.message.assistant").last.get_attribute("id")).removeprefix("message-")


def wait_for_end(page: Page, status: str = "complete") -> str:
    """Waits until the last answer's final fragment is on the page. Returns the message's id."""
    page.wait_for_selector(f"article.message.assistant:last-child[data-status={status}]", timeout=120_000)
    return last_answer_id(page)
