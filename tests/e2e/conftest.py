"""One real site and one real browser for all browser tests; each test gets a person and a window of its own."""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import chromium
from tests.site import Site, scratch_site

RESULTS = Path("test-results")
PASSWORD = "correct horse battery"
people: list[tuple[str, str, str]] = []
administrators: list[tuple[str, str, str]] = []

#: Registrations are limited by address, as they should be: the tests' people are made in one go, with a session each.
PEOPLE = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from webui.models import User
store = import_module(settings.SESSION_ENGINE).SessionStore
people = []
for number in range(80):
    role = "member" if number else "administrator"
    fields = {"display_name": "Ada", "role": role, "is_approved": True}
    user = User(email=f"person{number}@example.org", password="!", **fields)
    user.save()
    session = store()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    people.append([user.email, settings.SESSION_COOKIE_NAME, session.session_key])
print(json.dumps(people))
"""

#: Models on a busy machine are slow; every wait is for a condition and ends as soon as it holds.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.nodeid:
            item.add_marker("e2e")


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """Its people are made first, an administrator among them, so that tests may run alone and in any order."""
    with scratch_site(OLLAMA_CONTEXT_LENGTH="1024") as site:
        site.make_answers_repeatable()
        people.extend(json.loads(site.manage("shell", "-c", PEOPLE).splitlines()[-1]))
        administrators.append(people.pop(0))
        yield site


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed before the tests of other folders: while it is open, its event loop runs in this thread and lets in no other."""
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


def register(page: Page, site: Site) -> None:
    """The first person of a site without any, through the form; then on the empty chat page."""
    page.goto(f"{site.url}/accounts/register/")
    page.fill("input[name=display_name]", "Ada")
    page.fill("input[name=email]", "ada@example.org")
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    page.click("main form[action*=register] button:not([type=button])")
    page.wait_for_selector("textarea[name=content]")


def enter(page: Page, site: Site) -> str:
    """A new person, signed in and on the empty chat page. Returns the e-mail address."""
    email, cookie, key = people.pop(0)
    page.context.add_cookies([{"name": cookie, "value": key, "url": site.url}])
    page.goto(site.url)
    page.wait_for_selector("textarea[name=content]")
    return email


def enter_as_administrator(page: Page, site: Site) -> None:
    """The site's one administrator, signed in, on no page yet."""
    _email, cookie, key = administrators[0]
    page.context.add_cookies([{"name": cookie, "value": key, "url": site.url}])


@pytest.fixture
def administrator_page(window: Window, site: Site) -> Page:
    """The administrator in a wide window."""
    page = window(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
    enter_as_administrator(page, site)
    return page


@pytest.fixture
def page(window: Window, site: Site) -> Page:
    """A member on the empty chat page, in a wide window."""
    page = window(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
    enter(page, site)
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
