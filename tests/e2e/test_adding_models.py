"""Adding models in a browser, against the real runtime and a real registry: download, upload, creation, and the tray."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.docker_registry import DockerRegistry, random_bytes
from tests.e2e.conftest import Window, enter, enter_as_administrator
from tests.e2e.test_layout import assert_accessible, assert_nothing_overflows
from tests.inference.tiny_models import write_llama
from tests.site import Site
from webui.services.uploads import PIECE_BYTES

MODEL = "smollm2:135m"
PAGES = ["/models/add/", "/models/add/upload/", "/models/add/files/", "/models/add/create/", "/models/add/create/?as=modelfile"]


@pytest.fixture(autouse=True)
def runtime_as_it_was(site: Site) -> Iterator[None]:
    yield
    with httpx.Client(base_url=site.runtime_url, timeout=30) as client:
        for job in client.get("/api/hearth/jobs").json()["jobs"]:
            if job["status"] not in ("succeeded", "failed", "cancelled"):
                client.post(f"/api/hearth/jobs/{job['id']}/cancel")
            client.delete(f"/api/hearth/jobs/{job['id']}")
        for upload in client.get("/api/hearth/uploads").json()["uploads"]:
            client.delete(f"/api/hearth/uploads/{upload['id']}")
        for model in client.get("/api/tags").json()["models"]:
            if model["name"] != MODEL:
                client.request("DELETE", "/api/delete", json={"model": model["name"]})


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    registry = DockerRegistry(tmp_path_factory.mktemp("registry")).start()
    yield registry
    registry.stop()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that fills four pieces of an upload, as few as an interruption needs."""
    path = write_llama(tmp_path_factory.mktemp("weights") / "small.gguf", None)
    os.truncate(path, 4 * PIECE_BYTES)
    return path


def look_up(page: Page, site: Site, name: str) -> None:
    page.goto(f"{site.url}/models/add/")
    page.get_by_text("Private registries").click()
    page.get_by_label("The registry has no certificate").check()
    page.fill("#id_model", name)
    page.get_by_role("button", name="Look it up").click()


def test_model_is_looked_up_downloaded_and_chatted_with(
    administrator_page: Page, site: Site, registry: DockerRegistry, weights: Path
) -> None:
    page, name = administrator_page, f"{registry.host}/library/small:1"
    registry.push("library/small", "1", {"model": weights.read_bytes()})
    look_up(page, site, name)
    expect(page.locator(".estimate .verdict")).to_contain_text("fits")

    page.locator(".estimate").get_by_role("button", name="Download").click()
    expect(page.locator("#estimate .started, .estimate .started")).to_be_visible()
    expect(page.locator(".tray-summary")).to_have_text("Downloads finished")
    page.click(".tray-button")
    page.locator(".tray-panel").get_by_role("link", name="Chat with it").click()

    expect(page.locator("select[name=model]")).to_have_value(name)


def test_failure_is_told_in_words_and_dismissed(administrator_page: Page, site: Site, registry: DockerRegistry) -> None:
    page, name = administrator_page, f"{registry.host}/library/missing:1"
    look_up(page, site, name)
    expect(page.locator("#estimate [role=alert]")).to_contain_text("The registry has no")

    httpx.post(f"{site.runtime_url}/api/hearth/jobs", json={"kind": "pull", "model": name, "insecure": True})
    page.goto(f"{site.url}/people/")
    expect(page.locator(".tray-summary")).to_have_text("Download failed")
    page.click(".tray-button")
    job = page.locator(".tray-panel .job")
    expect(job.locator(".job-reason")).to_contain_text("The registry has no")
    job.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".tray-button")).to_be_hidden()


def test_download_is_paused_resumed_and_cancelled_from_the_tray(
    administrator_page: Page, site: Site, registry: DockerRegistry
) -> None:
    page, name = administrator_page, f"{registry.host}/library/gone:1"
    # A registry that does not answer keeps a download busy for as long as the test needs.
    registry.stop()
    try:
        httpx.post(f"{site.runtime_url}/api/hearth/jobs", json={"kind": "pull", "model": name, "insecure": True})
        page.goto(site.url)
        page.click(".tray-button")
        job = page.locator(".tray-panel .job")
        job.get_by_role("button", name="Pause").click()
        expect(job).to_have_attribute("data-status", "paused")
        expect(page.locator(".tray-summary")).to_have_text("Download paused")
        job.get_by_role("button", name="Resume").click()
        expect(job).not_to_have_attribute("data-status", "paused")

        job.get_by_role("link", name="Cancel").click()
        expect(job).to_contain_text("thrown away")
        job.get_by_role("link", name="Go on").click()
        job.get_by_role("link", name="Cancel").click()
        job.get_by_role("button", name="Cancel it").click()
        expect(job).to_have_attribute("data-status", "cancelled")
    finally:
        registry.start()


def test_upload_interrupted_by_a_reload_goes_on(administrator_page: Page, site: Site, weights: Path) -> None:
    page, sent = administrator_page, list[int]()

    def pass_three(route: Route) -> None:
        sent.append(int(route.request.headers["upload-offset"]))
        if len(sent) <= 3:
            route.continue_()

    page.goto(f"{site.url}/models/add/upload/")
    page.route("**/models/uploads/*/", pass_three)
    with page.expect_request(lambda request: request.headers.get("upload-offset") == str(3 * PIECE_BYTES)):
        page.set_input_files("#upload-files", weights)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator(".upload-facts")).to_contain_text("Choose this file again to go on")

    page.unroute("**/models/uploads/*/")
    with page.expect_request(lambda request: request.method == "PATCH") as first:
        page.set_input_files("#upload-files", weights)
    assert first.value.headers["upload-offset"] == str(3 * PIECE_BYTES)
    page.locator(".upload [name=model]").fill("uploaded:1")
    expect(page.locator(".upload-facts")).to_contain_text("made into a model")
    expect(page.locator(".tray-summary")).to_have_text("Downloads finished")
    assert "uploaded:1" in [model["name"] for model in httpx.get(f"{site.runtime_url}/api/tags").json()["models"]]


def test_file_that_is_no_model_is_refused_before_it_is_sent(administrator_page: Page, site: Site, tmp_path: Path) -> None:
    page, file = administrator_page, tmp_path / "<b>notes.gguf"
    file.write_bytes(random_bytes(1000))
    page.goto(f"{site.url}/models/add/upload/")
    page.set_input_files("#upload-files", file)

    expect(page.locator(".upload-error")).to_contain_text("not a GGUF file")
    expect(page.locator(".upload-name")).to_have_text("<b>notes.gguf")
    assert httpx.get(f"{site.runtime_url}/api/hearth/uploads").json()["uploads"] == []


def test_model_is_created_by_a_form_and_a_wrong_modelfile_names_its_line(administrator_page: Page, site: Site) -> None:
    page = administrator_page
    page.goto(f"{site.url}/models/add/create/?as=modelfile")
    page.get_by_label("Name of the new model").fill("teacher:1")
    page.get_by_label("Modelfile", exact=True).fill(f"FROM {MODEL}\nPARAMETER wings 2")
    page.get_by_role("button", name="Create the model").click()
    expect(page.locator(".field-error")).to_contain_text("Line 2")

    page.locator(".create-form").page.get_by_role("link", name="Form", exact=True).click()
    page.get_by_label("Name of the new model").fill("teacher:1")
    page.get_by_label("Base model").fill(MODEL)
    page.get_by_label("System prompt").fill("Be kind.")
    page.get_by_role("button", name="Create the model").click()
    expect(page.locator(".job")).to_have_attribute("data-status", "succeeded")
    shown = httpx.post(f"{site.runtime_url}/api/show", json={"model": "teacher:1"}).json()
    assert shown["system"] == "Be kind."


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_pages_hold_at_every_size_theme_and_language(window: Window, site: Site, width: int, scheme: str, locale: str) -> None:
    page = window(viewport={"width": width, "height": 844}, color_scheme=scheme, locale=locale).new_page()
    enter_as_administrator(page, site)
    for path in [*PAGES, "/models/jobs/"]:
        page.goto(f"{site.url}{path}")
        assert_accessible(page)
        assert_nothing_overflows(page)


def test_pages_are_not_there_for_a_member(window: Window, site: Site) -> None:
    page = window(locale="en-US").new_page()
    enter(page, site)
    for path in [*PAGES, "/models/jobs/"]:
        answer = page.goto(f"{site.url}{path}")
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("main")).to_contain_text("There is nothing here")
