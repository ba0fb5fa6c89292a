"""API keys in a browser: created, copied, gone after a reload, revoked; with the keyboard, and without scripts."""

import json
import re
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Window, enter, enter_as_administrator
from tests.e2e.test_layout import assert_accessible, assert_nothing_overflows
from tests.site import Site, wait_until


def open_keys(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/accounts/api-keys/")


def create(page: Page, name: str) -> str:
    """Fills in the form and returns the key."""
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create key").click()
    return page.locator("#new-key").input_value()


def use(site: Site, page: Page) -> None:
    """As if the newest key had been used on some days."""
    today = datetime.now(tz=UTC).date()
    key_id = str(page.locator(".key-row a").first.get_attribute("href")).rstrip("/").rpartition("/")[2].replace("-", "")
    rows = [(key_id, str(today - timedelta(days=days)), 7, 900 * days, 120_000) for days in range(0, 30, 3)]
    with sqlite3.connect(f"{site.data}/hearth.sqlite3", timeout=20) as database:
        columns = "key_id, day, requests, prompt_tokens, completion_tokens"
        database.executemany(f"INSERT INTO webui_apikeyusage ({columns}) VALUES (?, ?, ?, ?, ?)", rows)


def test_key_is_created_by_keyboard_copied_and_not_shown_again(page: Page, site: Site) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site.url}/accounts/")
    page.get_by_role("link", name="API keys").press("Enter")
    expect(page.get_by_role("heading", name="You have no API key yet")).to_be_visible()

    page.get_by_label("Name").focus()
    page.keyboard.type("Laptop")
    for key in ("Tab", "Tab", "Space", "Tab", "Tab"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Create key")).to_be_focused()
    page.keyboard.press("Enter")

    # Where the new key is shown, there the reader is.
    expect(page.locator("[data-created]")).to_be_focused()
    expect(page).to_have_url(f"{site.url}/accounts/api-keys/")
    text = page.locator("#new-key").input_value()
    assert re.fullmatch(r"hearth-[\w-]{43}", text)
    page.get_by_role("button", name="Copy key").press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == text
    expect(page.locator(".key-row")).to_contain_text(f"{text[:11]}…")
    expect(page.locator(".key-row")).to_contain_text("Chat")
    expect(page.locator(".key-row")).not_to_contain_text("Embeddings")

    page.reload()
    expect(page.locator(".key-row")).to_be_visible()
    assert text not in page.content()


def test_examples_are_copied_where_the_clipboard_interface_is_missing(page: Page, site: Site) -> None:
    """As on a site that is reached over HTTP under another name than localhost."""
    page.add_init_script("delete Navigator.prototype.clipboard")
    open_keys(page, site)
    page.evaluate('() => { document.addEventListener("copy", () => { window.copied = String(getSelection()); }); }')

    page.locator('[data-copy="curl-example"]').click()

    assert page.evaluate("window.copied") == page.locator("#curl-example").inner_text()
    expect(page.locator('[data-copy="curl-example"]')).to_contain_text("Copied")


def test_key_is_revoked_after_asking(page: Page, site: Site) -> None:
    open_keys(page, site)
    create(page, "Laptop")
    opener = page.get_by_role("link", name=re.compile("Revoke….*Laptop"))

    opener.press("Enter")
    dialog = page.get_by_role("dialog", name="Revoke “Laptop”?")
    expect(dialog).to_be_visible()
    assert_accessible(page)
    dialog.get_by_role("link", name="Keep").press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    dialog.get_by_role("button", name="Revoke").press("Enter")

    expect(page.locator(".notice.success")).to_contain_text("“Laptop” has been revoked")
    expect(page.get_by_role("heading", name="You have no API key yet")).to_be_visible()
    page.get_by_text("1 key that no longer works").click()
    expect(page.locator(".ended .key-row")).to_contain_text("Revoked")


def test_key_is_edited_in_a_dialog_that_says_what_is_wrong(page: Page, site: Site) -> None:
    open_keys(page, site)
    create(page, "Laptop")
    opener = page.get_by_role("link", name=re.compile("Edit….*Laptop"))

    opener.press("Enter")
    dialog = page.get_by_role("dialog", name="Edit “Laptop”")
    expect(dialog.get_by_label("Key name")).to_have_value("Laptop")
    expect(dialog.get_by_label("Works for")).to_have_value("as-before")
    assert_accessible(page)
    dialog.get_by_role("link", name="Cancel").press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    opener.press("Enter")
    dialog.get_by_label("Key name").fill("Homework")
    dialog.get_by_label("Embeddings").uncheck()
    dialog.get_by_label("Works for").select_option("date")
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(dialog.get_by_label("Last day")).to_be_focused()
    expect(dialog.locator(".field-error")).to_have_text("Choose the last day on which the key works.")
    assert_accessible(page)
    dialog.get_by_label("Works for").select_option("never")
    dialog.get_by_role("button", name="Save").press("Enter")

    expect(page.locator(".notice.success")).to_contain_text("“Homework” are saved")
    expect(page.locator(".key-row")).to_contain_text(re.compile("Homework.*Chat(?!, Embeddings).*Expires.*Never", re.DOTALL))


def test_form_says_what_is_wrong_and_a_date_is_asked_for_only_where_it_is_wanted(page: Page, site: Site) -> None:
    open_keys(page, site)
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Name").fill("Homework")
    page.get_by_label("Works for").select_option("date")
    expect(page.get_by_label("Last day")).to_be_visible()

    page.get_by_role("button", name="Create key").click()

    expect(page.get_by_label("Last day")).to_be_focused()
    expect(page.locator(".field-error")).to_have_text("Choose the last day on which the key works.")
    expect(page.get_by_label("Name")).to_have_value("Homework")
    assert_accessible(page)


def test_keys_work_without_scripts(window: Window, site: Site) -> None:
    page = window(java_script_enabled=False, locale="en-US").new_page()
    enter(page, site)
    open_keys(page, site)
    text = create(page, "Laptop")
    expect(page.get_by_role("button", name="Copy key")).to_be_hidden()

    page.reload()  # The browser sends the form again.

    expect(page.locator(".notice.error")).to_contain_text("was created before")
    expect(page.locator(".key-row")).to_have_count(1)
    assert text not in page.content()
    page.get_by_role("link", name="Revoke…").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator(".notice.success")).to_contain_text("has been revoked")


@pytest.mark.parametrize(("width", "scheme", "locale"), [(1280, "light", "en-US"), (390, "dark", "zh-CN")])
def test_pages_of_keys_hold_at_every_size_theme_and_language(
    window: Window, site: Site, width: int, scheme: str, locale: str
) -> None:
    page = window(viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale).new_page()
    enter_as_administrator(page, site)
    open_keys(page, site)
    page.locator("input[name=name]").fill("Laptop of the whole class, " + "W" * 40)
    page.locator("form.key-form button").click()
    expect(page.locator("#new-key")).to_be_visible()
    assert_accessible(page)
    assert_nothing_overflows(page)

    use(site, page)
    page.locator(".key-row a").first.click()
    expect(page.locator("table.usage tbody tr")).to_have_count(10)
    assert_accessible(page)
    assert_nothing_overflows(page)

    page.goto(f"{site.url}/people/?query=person0@")
    assert_accessible(page)
    page.locator("a[href$='/api-keys/']").first.click()
    expect(page.locator("form button.danger")).to_be_visible()
    assert_accessible(page)
    assert_nothing_overflows(page)


def test_examples_run_as_they_stand_and_are_counted(page: Page, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    open_keys(page, site)
    text = create(page, "Laptop")
    names = ("curl", "python", "ollama")
    codes = {name: page.locator(f"#{name}-example").inner_text().replace("YOUR_KEY", text) for name in names}

    by_curl = json.loads(subprocess.run(["sh", "-c", codes["curl"]], capture_output=True, check=True, timeout=60).stdout)
    said = []
    for name in names[1:]:
        variables: dict[str, Any] = {}
        exec(compile(codes[name], name, "exec"), variables)
        variables["client"].close()
        said.append(capsys.readouterr().out.strip())

    assert by_curl["choices"][0]["message"]["content"]
    assert by_curl["usage"]["completion_tokens"] > 0
    assert all(said)

    def is_counted() -> bool:
        page.reload()
        return "3 requests" in page.locator(".key-row").inner_text()

    wait_until(is_counted, "the use of the key", 20)
    assert "0 tokens" not in re.findall(r"\d+ tokens", page.locator(".key-row").inner_text())
    expect(page.locator(".key-dates dd").first).not_to_have_text("Never")
