"""kill -9 of each process in mid-answer: the site recovers, the text stays, the loss is marked."""

import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.e2e.conftest import Window, ask, last_answer_id, register, stored_answer, wait_for_end
from tests.e2e.test_conversation import LONG, shown_text, visible_text, wait_for_text
from tests.site import Site, scratch_site, wait_until
from webui.markdown import render


@pytest.fixture(scope="module")
def fragile_site(browser: Browser) -> Iterator[tuple[Site, BrowserContext]]:
    """Of its own, so that no other test feels the blows; with the window of its first person."""
    with scratch_site() as site:
        site.make_answers_repeatable()
        context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
        register(context.new_page(), site)
        yield site, context
        context.close()


@pytest.mark.parametrize("part", ["runner", "runtime", "web"])
def test_killed_process_interrupts_the_answer_and_no_more(fragile_site: tuple[Site, BrowserContext], part: str) -> None:
    site, context = fragile_site
    page = context.new_page()
    page.goto(site.url)
    ask(page, LONG)
    wait_for_text(page, 100)
    running_id = last_answer_id(page)
    wait_until(lambda: len(stored_answer(site, running_id)[0]) > 100, "a save of the text so far")
    saved, _ = stored_answer(site, running_id)

    killed = site.processes()[part].pid
    site.kill(part)
    message_id = wait_for_end(page, "interrupted")
    wait_until(site.is_ready, "the site", 60)

    content, status = stored_answer(site, message_id)
    assert status == "interrupted"
    assert shown_text(page) == visible_text(render(content))
    assert message_id == running_id
    assert content.startswith(saved)
    assert all(process.pid != killed for process in site.processes().values())

    page.click("article.assistant form[action$='/continue/'] button")
    wait_for_text(page, len(content) + 30)
    page.click("[data-stop]")
    wait_for_end(page, "stopped")
    after, _ = stored_answer(site, message_id)
    assert after.startswith(content)


def test_killed_supervisor_leaves_no_orphan(window: Window) -> None:
    with scratch_site() as site:
        site.make_answers_repeatable()
        page = window(locale="en-US").new_page()
        register(page, site)
        ask(page, LONG)
        wait_for_text(page, 60)
        processes = site.processes()
        assert set(processes) == {"supervisor", "web", "runtime", "runner"}

        site.kill("supervisor")

        wait_until(lambda: not any(p.is_running() and p.status() != "zombie" for p in processes.values()), "the end of all", 10)


def test_sigterm_stops_everything_within_five_seconds(window: Window) -> None:
    with scratch_site() as site:
        site.make_answers_repeatable()
        page = window(locale="en-US").new_page()
        register(page, site)
        ask(page, LONG)
        wait_for_text(page, 60)
        processes = site.processes()
        assert site.process

        site.process.terminate()
        assert site.process.wait(5) == 0

        assert not [name for name, process in processes.items() if process.is_running() and process.status() != "zombie"]
        with sqlite3.connect(site.data / "hearth.sqlite3") as database:
            rows = database.execute("SELECT status, length(content) FROM webui_message WHERE role = 'assistant'").fetchall()
        assert [status for status, _ in rows] == ["interrupted"]
        assert rows[0][1] >= 60
