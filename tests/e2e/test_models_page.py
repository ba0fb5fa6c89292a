"""The models page in a browser, against the real runtime: whatever an administrator does with installed models."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Window, enter_as_administrator
from tests.e2e.test_layout import assert_accessible, assert_nothing_overflows
from tests.site import Site

MODEL = "smollm2:135m"


@pytest.fixture(autouse=True)
def library_as_it_was(site: Site) -> Iterator[None]:
    yield
    with httpx.Client(base_url=site.runtime_url, timeout=30) as client:
        client.post("/api/generate", json={"model": MODEL, "keep_alive": 0})
        for model in client.get("/api/tags").json()["models"]:
            if model["name"] != MODEL:
                client.request("DELETE", "/api/delete", json={"model": model["name"]})


def copy(site: Site, name: str) -> None:
    answer = httpx.post(f"{site.runtime_url}/api/copy", json={"source": MODEL, "destination": name})
    assert answer.status_code == 200, answer.text


def row(page: Page, name: str) -> Locator:
    return page.locator(f'.model-row[data-model="{name}"]')


def open_list(page: Page, site: Site) -> None:
    """By the way an administrator takes."""
    page.goto(site.url)
    page.click(".account-button")
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_role("heading", name="Models", level=1)).to_be_visible()


def test_model_is_loaded_with_a_countdown_and_unloaded(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    # A test before this one may have loaded it.
    httpx.post(f"{site.runtime_url}/api/generate", json={"model": MODEL, "keep_alive": 0}, timeout=30).raise_for_status()
    open_list(page, site)
    state = row(page, MODEL).locator(".state")
    expect(state).to_contain_text("Not in memory")

    state.get_by_role("button", name="Load").press("Enter")
    expect(state).to_contain_text("In memory")
    clock = state.locator("[data-clock]")
    expect(clock).to_have_text(re.compile(r"4:5\d"))
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)

    state.get_by_role("button", name="Unload").click()
    expect(state).to_contain_text("Not in memory")


def test_state_follows_what_others_do(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    page.clock.install()
    open_list(page, site)
    state = row(page, MODEL).locator(".state")
    state.get_by_role("button", name="Load").click()
    expect(state).to_contain_text("In memory")

    httpx.post(f"{site.runtime_url}/api/generate", json={"model": MODEL, "keep_alive": 0}, timeout=30)
    # It looks again every few seconds.
    page.clock.fast_forward("00:10")
    expect(state).to_contain_text("Not in memory")


def test_model_is_copied_renamed_and_deleted(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    open_list(page, site)
    row(page, MODEL).get_by_role("link", name=MODEL).click()
    page.get_by_label("Name of the copy").fill("team/tutor")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("team/tutor:latest")

    page.get_by_label("New name").fill(MODEL)
    page.get_by_role("button", name="Rename").click()
    expect(page.locator(".field-error")).to_contain_text("is there already")
    page.get_by_label("New name").fill("helper:v1")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("helper:v1")

    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"Its weights stay on the disk: they are those of {MODEL}, too.")
    dialog.get_by_role("link", name="Keep").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".notice.success")).to_have_text("helper:v1 has been deleted.")
    expect(row(page, MODEL)).to_be_visible()
    expect(row(page, "helper:v1")).to_have_count(0)


def test_models_are_found_selected_and_deleted_together(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    for name in ("alpha:1", "alpha:2"):
        copy(site, name)
    page.goto(f"{site.url}/models/")
    expect(page.locator(".model-row")).to_have_count(3)
    expect(page.get_by_role("button", name="Delete selected…")).to_be_hidden()

    page.get_by_role("searchbox").fill("alpha")
    expect(page.locator(".model-row")).to_have_count(2)
    expect(page).to_have_url(re.compile("query=alpha"))
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Delete selected…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Delete 2 models?")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".notice.success")).to_have_text("2 models have been deleted.")
    expect(page.locator(".model-row")).to_have_count(1)


def test_restricted_model_is_not_offered_and_page_is_not_there_for_members(
    administrator_page: Page, page: Page, site: Site
) -> None:
    copy(site, "secret:1")
    administrator_page.goto(f"{site.url}/models/show/secret:1/")
    administrator_page.get_by_label("Administrators only").check()
    administrator_page.get_by_role("button", name="Save who may use it").click()
    expect(administrator_page.locator(".notice.success")).to_be_visible()

    assert [page.goto(f"{site.url}{path}").status for path in ("/models/", "/models/show/secret:1/")] == [404, 404]  # type: ignore[union-attr]
    page.goto(site.url)
    assert page.locator("#model option").evaluate_all("options => options.map(option => option.value)") == [MODEL]


def test_behaviour_is_edited_and_saved_under_another_name(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    page.goto(f"{site.url}/models/show/{MODEL}/")
    page.get_by_label("System prompt").fill("You are a pirate.\nAnswer briefly.")
    page.get_by_label("Temperature").fill("0.25")
    page.get_by_label("Save under another name").fill("pirate")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("pirate:latest")
    expect(page.get_by_label("System prompt")).to_have_value("You are a pirate.\nAnswer briefly.")

    page.get_by_label("Temperature").fill("0.5")
    page.get_by_text("Stop texts, template and more parameters").click()
    page.get_by_label("More parameters").fill("nonsense 3")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".behaviour [role=alert]")).to_contain_text("unknown parameter")
    page.get_by_text("Stop texts, template and more parameters").click()
    page.get_by_label("More parameters").fill("mirostat 2")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".notice.success")).to_contain_text("Saved.")

    shown = httpx.post(f"{site.runtime_url}/api/show", json={"model": "pirate"}).json()
    assert shown["system"] == "You are a pirate.\nAnswer briefly."
    assert [line.split()[0] for line in shown["parameters"].splitlines()] == ["stop", "stop", "temperature", "mirostat"]


def test_modelfile_is_copied(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    page.context.grant_permissions(["clipboard-read"])
    page.goto(f"{site.url}/models/show/{MODEL}/")
    page.get_by_role("heading", name="Modelfile").click()
    page.get_by_role("button", name="Copy the Modelfile").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert f"FROM {MODEL}" in page.evaluate("navigator.clipboard.readText()")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_models_pages_hold_at_every_size_theme_and_language(
    window: Window, site: Site, width: int, scheme: str, locale: str
) -> None:
    copy(site, "hf.co/someone/a-model-with-a-rather-long-name-GGUF:Q4_K_M")
    page = window(viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale).new_page()
    enter_as_administrator(page, site)
    page.goto(f"{site.url}/models/")
    page.locator(".model-row input").first.check()
    assert_accessible(page)
    assert_nothing_overflows(page)

    page.locator(".delete-selected").click()
    page.wait_for_selector("dialog[open]")
    assert_accessible(page)

    page.goto(f"{site.url}/models/show/{MODEL}/")
    for summary in page.locator("summary").all():
        summary.click()
    assert_accessible(page)
    assert_nothing_overflows(page)
