"""Downloads: the tray's list, its page, what is done about a job, and that it asks again only while something runs."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests.factories import make_user
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.models import User

JOBS = "GET /api/hearth/jobs"


def job(status: str = "running", **fields: Any) -> dict[str, Any]:
    known = {
        "id": "a1",
        "kind": "pull",
        "model": "qwen3:8b",
        "status": status,
        "message": "pulling 6e4c38e1172f",
        "created_at": "1",
    }
    counts = {
        "completed": 1_300_000_000,
        "total": 5_200_000_000,
        "speed": 12_000_000.0,
        "seconds_left": 325,
        "error": "",
        "code": "",
    }
    return {**known, **counts, "result": None, **fields}


def listed(client: Client, runtime: HTTPRuntime, *jobs: Any, path: str = "/models/jobs/", **headers: str) -> BeautifulSoup:
    runtime.answers[JOBS] = {"jobs": list(jobs)}
    return BeautifulSoup(client.get(path, headers=headers).content, "html.parser")


def words(soup: BeautifulSoup) -> list[str]:
    for hidden in soup.select(".visually-hidden"):
        hidden.decompose()
    return [tag.get_text(strip=True) for tag in soup.select(".job :is(button, a)")]


def test_running_job_shows_how_far_it_is(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    soup = listed(client, runtime, job())

    facts = " ".join(soup.select_one(".job").get_text(" ", strip=True).split())
    assert [part in facts for part in ("qwen3:8b", "Downloading", "1.3 GB of 5.2 GB", "12 MB/s", "5 min left")] == [True] * 5
    assert soup.select_one(".job progress")["value"] == "0.2500"
    assert soup.select_one("#jobs")["data-summary"].strip() == "1 download · 25 %"


@pytest.mark.parametrize(
    ("status", "fields", "actions"),
    [
        ("queued", {}, ["Pause", "Cancel…"]),
        ("running", {}, ["Pause", "Cancel…"]),
        ("running", {"kind": "create"}, ["Cancel…"]),
        ("paused", {}, ["Resume", "Cancel…"]),
        ("failed", {}, ["Try again", "Dismiss"]),
        ("cancelled", {}, ["Try again", "Dismiss"]),
        ("succeeded", {}, ["Chat with it", "Dismiss"]),
        ("succeeded", {"kind": "bench"}, ["Dismiss"]),
    ],
)
def test_job_offers_what_fits_its_status(
    client: Client, administrator: User, runtime: HTTPRuntime, status: str, fields: dict[str, Any], actions: list[str]
) -> None:
    assert words(listed(client, runtime, job(status, **fields))) == actions


@pytest.mark.parametrize(
    ("jobs", "trigger"),
    [
        ([job("running")], "every 2s, hearth:jobs from:body"),
        ([job("queued")], "every 2s, hearth:jobs from:body"),
        ([job("paused"), job("failed", id="a2")], "hearth:jobs from:body"),
        ([], "hearth:jobs from:body"),
    ],
)
def test_list_looks_again_only_while_something_runs(
    client: Client, administrator: User, runtime: HTTPRuntime, jobs: list[Any], trigger: str
) -> None:
    fragment = listed(client, runtime, *jobs, hx_request="true")

    assert fragment.select_one("#jobs")["hx-trigger"] == trigger
    assert fragment.select("html") == []


@pytest.mark.parametrize(
    ("code", "error", "sentence"),
    [
        ("model_not_found", "pull model manifest: file does not exist", "The registry has no model “qwen3:8b”"),
        ("not_in_registry", "x", "The registry has no such model"),
        ("not_enough_disk", "It takes 5 GB.", "There is not enough room on the disk. It takes 5 GB."),
        ("digest_mismatch", "x", "thrown away"),
        ("something_new", "What the runtime says.", "What the runtime says."),
    ],
)
def test_failed_job_says_why(
    client: Client, administrator: User, runtime: HTTPRuntime, code: str, error: str, sentence: str
) -> None:
    soup = listed(client, runtime, job("failed", code=code, error=error))
    assert sentence in soup.select_one(".job-reason").get_text()


def test_cancelling_asks_first_and_keeps_asking_while_it_runs(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    soup = listed(client, runtime, job(), path="/models/jobs/?asking=a1", hx_request="true")

    assert words(soup) == ["Cancel it", "Go on"]
    assert soup.select_one("#jobs")["hx-get"] == "/models/jobs/?asking=a1"
    assert runtime.bodies("POST /api/hearth/jobs/a1/cancel") == []


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry"])
def test_action_reaches_the_runtime(client: Client, administrator: User, runtime: HTTPRuntime, action: str) -> None:
    runtime.answers |= {JOBS: {"jobs": [job()]}, f"POST /api/hearth/jobs/a1/{action}": job()}

    plain = client.post(f"/models/jobs/a1/{action}/")
    fragment = client.post(f"/models/jobs/a1/{action}/", headers={"hx-request": "true"})

    assert (plain.status_code, plain["Location"]) == (302, "/models/jobs/")
    assert b'data-job="a1"' in fragment.content
    assert len(runtime.bodies(f"POST /api/hearth/jobs/a1/{action}")) == 2


def test_job_is_dismissed(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers |= {JOBS: {"jobs": []}, "DELETE /api/hearth/jobs/a1": Answer(raw=b"", status=200)}
    client.post("/models/jobs/a1/dismiss/")
    assert ("DELETE /api/hearth/jobs/a1", None) in runtime.requests


@pytest.mark.parametrize(("status", "code"), [(404, "job_not_found"), (409, "action_not_possible")])
def test_action_that_is_not_possible_is_said(
    client: Client, administrator: User, runtime: HTTPRuntime, status: int, code: str
) -> None:
    runtime.answers |= {JOBS: {"jobs": []}, "POST /api/hearth/jobs/a1/pause": Answer({"error": "no", "code": code}, status)}

    page = BeautifulSoup(client.post("/models/jobs/a1/pause/", follow=True).content, "html.parser")
    fragment = BeautifulSoup(client.post("/models/jobs/a1/pause/", headers={"hx-request": "true"}).content, "html.parser")

    assert "list" in page.select_one(".notice.error").get_text()
    assert fragment.select_one("[role=alert]").get_text() == page.select_one(".notice.error").get_text()


@pytest.mark.parametrize("action", ["pause", "resume", "cancel", "retry", "dismiss"])
def test_action_rejects_get(client: Client, administrator: User, runtime: HTTPRuntime, action: str) -> None:
    assert client.get(f"/models/jobs/a1/{action}/").status_code == 405
    assert runtime.requests == []


def test_jobs_are_not_there_for_a_member(client: Client, db: None, runtime: HTTPRuntime) -> None:
    client.force_login(make_user())
    answers = [client.get("/models/jobs/"), client.post("/models/jobs/", {"model": "a"}), client.post("/models/jobs/a1/cancel/")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert runtime.requests == []


def test_jobs_want_a_token(administrator: User, client: Client, runtime: HTTPRuntime) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(administrator)
    assert strict.post("/models/jobs/", {"model": "qwen3:8b"}).status_code == 403
    assert runtime.requests == []


def test_download_is_started(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers |= {JOBS: {"jobs": [job()]}, "POST /api/hearth/jobs": Answer(job("queued"), 201)}

    plain = client.post("/models/jobs/", {"model": "qwen3:8b"})
    fragment = client.post("/models/jobs/", {"model": "qwen3:8b", "insecure": "on"}, headers={"hx-request": "true"})

    assert plain["Location"] == "/models/jobs/"
    assert (fragment["HX-Trigger"], b"Started" in fragment.content) == ('{"hearth:jobs": {}}', True)
    wanted = {"kind": "pull", "model": "qwen3:8b"}
    assert runtime.bodies("POST /api/hearth/jobs") == [{**wanted, "insecure": False}, {**wanted, "insecure": True}]


def test_download_that_cannot_begin_says_why(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    runtime.answers["POST /api/hearth/jobs"] = Answer({"error": "The disk is full", "code": "library_failed"}, 500)

    for name, sentence in (("qwen3:8b", "The disk is full"), ("a b", "is not the name of a model")):
        fragment = client.post("/models/jobs/", {"model": name}, headers={"hx-request": "true"})
        assert sentence in BeautifulSoup(fragment.content, "html.parser").select_one("[role=alert]").get_text()


@pytest.mark.parametrize(
    "garbage", [[], {"jobs": 3}, {"jobs": [3, {}, {"id": "../x"}, {"id": "ok", "total": "x", "speed": None}]}]
)
def test_jobs_survive_garbage(client: Client, administrator: User, runtime: HTTPRuntime, garbage: Any) -> None:
    runtime.answers[JOBS] = garbage
    soup = BeautifulSoup(client.get("/models/jobs/").content, "html.parser")
    assert {tag["data-job"] for tag in soup.select("[data-job]")} <= {"ok"}


def test_another_runtime_has_no_jobs_and_is_not_asked_again(client: Client, administrator: User, runtime: HTTPRuntime) -> None:
    soup = BeautifulSoup(client.get("/models/jobs/").content, "html.parser")

    assert "cannot do this" in soup.select_one("#jobs").get_text()
    assert soup.select_one("#jobs")["hx-trigger"] == "hearth:jobs from:body"
    assert soup.select_one("#jobs")["data-summary"].strip() == ""


@pytest.mark.parametrize("path", ["/", "/people/", "/models/", "/models/add/", "/models/add/estimate/", "/accounts/"])
def test_tray_is_on_every_page_of_an_administrator_once(
    client: Client, administrator: User, runtime: HTTPRuntime, path: str
) -> None:
    runtime.answers[JOBS] = {"jobs": []}
    soup = BeautifulSoup(client.get(path).content, "html.parser")

    assert len(soup.select("#tray #jobs[hx-get='/models/jobs/'][hx-trigger=load]")) == 1
    assert len(soup.select("script[src*='htmx-2']")) == 1
    client.force_login(make_user())
    for_a_member = BeautifulSoup(client.get(path).content, "html.parser")
    assert for_a_member.select("#tray, script[src*='tray']") == []
