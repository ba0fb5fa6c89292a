"""The main job, in a real browser against the real model: ask, watch, reload, stop, come back."""

from bs4 import BeautifulSoup
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Window, ask, enter, last_answer_id, stored_answer, wait_for_end
from tests.e2e.frames import FrameRecorder
from tests.site import Site
from webui.markdown import render

LONG = "Write a long story about a lighthouse keeper, with many chapters. Do not stop."


def visible_text(html: str) -> str:
    return " ".join(BeautifulSoup(html, "html.parser").get_text(" ").split())


def shown_text(page: Page) -> str:
    return visible_text(page.locator("article.message.assistant .answer").last.inner_html())


def wait_for_text(page: Page, length: int) -> None:
    page.wait_for_function(
        "length => (document.querySelector('article.assistant:last-child .answer')?.textContent || '').length >= length",
        arg=length,
        timeout=60_000,
    )


def test_answer_streams_and_is_what_is_stored(page: Page, site: Site) -> None:
    frames = FrameRecorder(page)
    page.reload()

    ask(page, "List three uses of salt, with a short heading.")
    message_id = wait_for_end(page)

    content, status = stored_answer(site, message_id)
    assert status == "complete"
    assert content.strip()
    assert shown_text(page) == visible_text(render(content))
    replay = frames.replay()
    assert replay.offset == len(content)
    assert visible_text("".join(replay.blocks)) == visible_text(render(content))
    assert replay.finished == 1
    assert page.url.startswith(f"{site.url}/c/")


def test_question_gets_its_title_in_the_sidebar(page: Page) -> None:
    ask(page, "Say hello.")
    wait_for_end(page)

    expect(page.locator("#sidebar-list .entry-link")).to_have_count(1)
    expect(page.locator("#sidebar-list .entry-link[aria-current=page]")).to_have_count(1)


def test_reload_in_mid_answer_goes_on_where_it_was(page: Page, site: Site) -> None:
    ask(page, LONG)
    wait_for_text(page, 120)
    before = shown_text(page)

    page.reload()
    wait_for_text(page, len(before))
    expect(page.locator("message-stream")).to_have_count(1)
    assert shown_text(page).startswith(before[:60])
    wait_for_text(page, len(before) + 60)
    page.click("[data-stop]")
    message_id = wait_for_end(page, "stopped")

    content, status = stored_answer(site, message_id)
    assert status == "stopped"
    assert shown_text(page) == visible_text(render(content))


def test_second_tab_sees_the_same_answer(page: Page, site: Site) -> None:
    ask(page, LONG)
    wait_for_text(page, 80)
    other = page.context.new_page()
    other.goto(page.url)
    wait_for_text(other, 80)

    other.click("[data-stop]")
    message_id = wait_for_end(page, "stopped")
    wait_for_end(other, "stopped")

    content, _ = stored_answer(site, message_id)
    assert shown_text(page) == shown_text(other) == visible_text(render(content))


def test_closed_tab_does_not_stop_the_answer(page: Page, site: Site) -> None:
    frames = FrameRecorder(page)
    page.reload()
    ask(page, "Say in one sentence what the sea is.")
    wait_for_text(page, 10)
    address, context = page.url, page.context
    assert frames.raw

    page.close()
    again = context.new_page()
    again.goto(address)
    message_id = wait_for_end(again)

    content, status = stored_answer(site, message_id)
    assert status == "complete"
    assert shown_text(again) == visible_text(render(content))


def test_lost_network_catches_up(page: Page, site: Site) -> None:
    ask(page, LONG)
    wait_for_text(page, 60)
    seen = len(shown_text(page))

    page.context.set_offline(True)
    page.evaluate("document.querySelector('message-stream').dataset.probe = 'same element'")
    page.context.set_offline(False)
    wait_for_text(page, seen + 200)
    page.click("[data-stop]")
    message_id = wait_for_end(page, "stopped")

    content, _ = stored_answer(site, message_id)
    assert shown_text(page) == visible_text(render(content))


def test_continue_goes_on_with_a_stopped_answer(page: Page, site: Site) -> None:
    ask(page, LONG)
    wait_for_text(page, 60)
    page.click("[data-stop]")
    message_id = wait_for_end(page, "stopped")
    before, _ = stored_answer(site, message_id)

    page.click("article.assistant form[action$='/continue/'] button")
    wait_for_text(page, len(before) + 40)
    page.click("[data-stop]")
    wait_for_end(page, "stopped")

    after, _ = stored_answer(site, message_id)
    assert after.startswith(before)
    assert len(after) > len(before)
    assert last_answer_id(page) == message_id


def test_two_people_are_answered_at_the_same_time(page: Page, site: Site, window: Window) -> None:
    other = window(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
    enter(other, site)

    ask(page, LONG)
    ask(other, LONG)
    wait_for_text(page, 60)
    wait_for_text(other, 60)

    expect(page.locator("message-stream")).to_have_count(1)
    expect(other.locator("message-stream")).to_have_count(1)
    for tab in (page, other):
        tab.click("[data-stop]")
        wait_for_end(tab, "stopped")


def test_back_and_forward_show_the_right_conversation(page: Page) -> None:
    ask(page, "Say hello.")
    wait_for_end(page)
    first = page.url

    page.click("[data-new-conversation]")
    expect(page.locator("article.message")).to_have_count(0)
    page.go_back()
    expect(page.locator("article.message")).to_have_count(2)
    assert page.url == first
    page.go_forward()
    expect(page.locator("article.message")).to_have_count(0)
