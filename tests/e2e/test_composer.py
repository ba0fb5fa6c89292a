"""Typing: what sends, what does not, and what happens to the text."""

from playwright.sync_api import Page, expect

from tests.e2e.conftest import ask, wait_for_end


def test_shift_enter_breaks_the_line(page: Page) -> None:
    page.fill("textarea[name=content]", "one")
    page.press("textarea[name=content]", "Shift+Enter")
    page.keyboard.type("two")

    expect(page.locator("textarea[name=content]")).to_have_value("one\ntwo")
    expect(page.locator("article.message")).to_have_count(0)


def test_enter_in_an_input_method_does_not_send(page: Page) -> None:
    field = page.locator("textarea[name=content]")
    field.fill("ni hao")

    for event in ("{key: 'Enter', isComposing: true}", "{key: 'Enter', keyCode: 229}"):
        field.evaluate(
            f"field => field.dispatchEvent(new KeyboardEvent('keydown', {{bubbles: true, cancelable: true, ...{event}}}))"
        )

    expect(field).to_have_value("ni hao")
    expect(page.locator("article.message")).to_have_count(0)


def test_blank_message_is_not_sent(page: Page) -> None:
    ask(page, "   \n  ")

    expect(page.locator("article.message")).to_have_count(0)
    assert page.url.endswith("/")


def test_field_grows_with_its_text(page: Page) -> None:
    field = page.locator("textarea[name=content]")
    small = field.bounding_box()
    field.fill("\n".join(["a line"] * 8))
    large = field.bounding_box()

    assert small and large
    assert large["height"] > small["height"] * 2


def test_send_clears_the_field_and_keeps_the_focus(page: Page) -> None:
    ask(page, "Say one word.")
    wait_for_end(page)

    expect(page.locator("textarea[name=content]")).to_have_value("")
    expect(page.locator("textarea[name=content]")).to_be_focused()


def test_escape_stops_the_answer(page: Page) -> None:
    ask(page, "Write a long story about the sea, with many chapters.")
    page.wait_for_selector("message-stream")
    page.keyboard.press("Escape")

    wait_for_end(page, "stopped")


def test_suggestion_fills_the_field(page: Page) -> None:
    suggestion = page.locator("#scroller button[data-prompt], #scroller .suggestion").first
    suggestion.click()

    expect(page.locator("textarea[name=content]")).not_to_have_value("")
    expect(page.locator("textarea[name=content]")).to_be_focused()
