"""Measuring how fast a model is, and what was measured."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client
from django.urls import reverse

from tests.contract.service import MODEL, Service, until
from tests.factories import make_user
from tests.webui.http_runtime import Answer, HTTPRuntime
from webui.enums import Audience
from webui.models import User
from webui.services.model_access import ModelNotAllowed, check_may_use, set_audience
from webui.services.model_speed import ModelSpeed, cancel_work, model_speed, start_bench

HTMX = {"HX-Request": "true"}
RESULT = {
    "model": MODEL,
    "prefill": 862.4,
    "decode": 8.44,
    "memory_bytes": 304_000_000,
    "measured_at": 1_764_000_000.5,
    "is_here": True,
}
ACTIONS = ["model-bench", "model-optimise", "model-work-cancel"]


def job(status: str, **changes: Any) -> dict[str, Any]:
    return {"id": "a1", "kind": "bench", "model": MODEL, "status": status, "created_at": "2026-11-25", "error": "", **changes}


@pytest.fixture
def measuring(runtime: HTTPRuntime) -> HTTPRuntime:
    """A runtime that measures, with one result."""
    runtime.answers |= {
        "POST /api/show": {},
        "GET /api/hearth/jobs": {"jobs": []},
        "GET /api/hearth/benchmarks": {"benchmarks": [RESULT, {**RESULT, "model": "other:1", "prefill": 7}]},
        "POST /api/hearth/jobs": Answer(job("queued"), 201),
    }
    return runtime


def card(client: Client, **headers: str) -> str:
    content = client.get(reverse("model-speed", args=[MODEL]), headers=HTMX).content
    return BeautifulSoup(content, "html.parser").get_text(" ", strip=True)


def test_results_are_shown(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    page = BeautifulSoup(client.get(reverse("model", args=[MODEL])).content, "html.parser")
    text = page.select_one("#speed").get_text(" ", strip=True)

    assert "Reading 862 tokens/s Writing 8.4 tokens/s Memory 304 MB Measured" in text
    assert "Measure again" in text
    assert "hx-trigger" not in page.select_one("#speed").attrs


def test_result_of_another_machine_is_told_apart(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    measuring.answers["GET /api/hearth/benchmarks"] = {"benchmarks": [{**RESULT, "is_here": False, "decode": None}]}
    text = card(client)
    assert ("Measured on another machine" in text, "Writing" in text) == (True, False)


def test_measurement_is_begun_and_followed(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    measuring.answers["GET /api/hearth/jobs"] = {"jobs": [job("running"), job("running", kind="pull", id="b")]}
    response = client.post(reverse("model-bench", args=[MODEL]), headers=HTMX)

    assert measuring.bodies("POST /api/hearth/jobs") == [{"kind": "bench", "model": MODEL}]
    assert ("<html" in response.text, "Measuring…" in response.text) == (False, True)
    assert 'hx-trigger="load delay' in response.text
    assert client.post(reverse("model-bench", args=[MODEL]))["Location"] == reverse("model", args=[MODEL])


def test_measurement_is_cancelled(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    jobs = [job("running", id="mine"), job("running", id="theirs", model="other:1"), job("succeeded", id="old")]
    measuring.answers |= {"GET /api/hearth/jobs": {"jobs": jobs}, "POST /api/hearth/jobs/mine/cancel": job("cancelled")}
    client.post(reverse("model-work-cancel", args=[MODEL]))
    assert [line for line, _ in measuring.requests if "cancel" in line] == ["POST /api/hearth/jobs/mine/cancel"]


def test_cancelling_what_has_just_ended_is_no_error(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    refusal = Answer({"error": "it has ended", "code": "action_not_possible"}, 409)
    measuring.answers |= {"GET /api/hearth/jobs": {"jobs": [job("running")]}, "POST /api/hearth/jobs/a1/cancel": refusal}
    assert "it has ended" not in client.post(reverse("model-work-cancel", args=[MODEL]), headers=HTMX).text


FIGURES = {"quantization": "Q4_1", "size": 98_000_000, "prefill": 305.2, "decode": 131.0, "perplexity": 12.345}
FASTER = {"quantization": "Q4_0", "size": 92_000_000, "prefill": 862.0, "decode": 209.4, "perplexity": 12.61}


def test_faster_copy_is_made_and_restricted_as_the_model(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    set_audience(MODEL, audience=Audience.ADMINISTRATORS, people=[], by=administrator)
    client.post(reverse("model-optimise", args=[MODEL]))

    assert measuring.bodies("POST /api/hearth/jobs") == [{"kind": "optimise", "model": MODEL, "destination": f"{MODEL}-fast"}]
    with pytest.raises(ModelNotAllowed):
        check_may_use(make_user(), f"{MODEL}-fast")


def test_what_optimising_found_is_shown(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    result = {"source": MODEL, "model": f"{MODEL}-fast", "reason": "", "before": FIGURES, "after": FASTER, "tried": []}
    measuring.answers["GET /api/hearth/jobs"] = {"jobs": [job("succeeded", kind="optimise", result=result)]}
    text = card(client)
    assert f"{MODEL}-fast is faster here." in text
    assert "Reading, tokens/s 305 862 Writing, tokens/s 131 209 Perplexity (less is better) 12.35 12.61 Size 98 MB 92 MB" in text

    result |= {"model": None, "reason": "the fastest is less than 5 % faster", "after": None}
    text = card(client)
    assert "No faster form was found. the fastest is less than 5 % faster" in text


@pytest.mark.parametrize("odd", [None, 3, {}, {"before": 3}, {"before": {}, "after": {"prefill": "x"}}])
def test_odd_result_of_optimising_breaks_nothing(client: Client, administrator: User, measuring: HTTPRuntime, odd: Any) -> None:
    measuring.answers["GET /api/hearth/jobs"] = {"jobs": [job("succeeded", kind="optimise", result=odd)]}
    assert "Speed on this machine" in card(client)


def test_failure_says_why(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    measuring.answers["GET /api/hearth/jobs"] = {"jobs": [job("failed", error="The model is too large.")]}
    assert "It failed: The model is too large." in card(client)


def test_runtime_that_cannot_measure_says_so_and_offers_nothing(
    client: Client, administrator: User, runtime: HTTPRuntime
) -> None:
    text = card(client)
    assert "The model runtime behind this site cannot do this" in text
    assert "Measure" not in text


def test_refusal_is_shown(client: Client, administrator: User, measuring: HTTPRuntime) -> None:
    measuring.answers["POST /api/hearth/jobs"] = Answer({"error": "Too many jobs wait."}, 400)
    assert "Too many jobs wait." in client.post(reverse("model-bench", args=[MODEL]), headers=HTMX).text
    assert "Too many jobs wait." in client.post(reverse("model-bench", args=[MODEL]), follow=True).text


@pytest.mark.parametrize(
    "odd",
    [
        [],
        {"benchmarks": 3},
        {
            "benchmarks": [
                3,
                {},
                {"model": MODEL, "prefill": "x", "decode": float("nan"), "measured_at": 1e300, "memory_bytes": -1},
            ]
        },
    ],
)
def test_odd_results_break_nothing(client: Client, administrator: User, measuring: HTTPRuntime, odd: Any) -> None:
    measuring.answers |= {
        "GET /api/hearth/benchmarks": Answer(odd),
        "GET /api/hearth/jobs": {"jobs": [job("running", id="../x"), 3]},
    }
    assert "Speed on this machine" in card(client)


@pytest.mark.parametrize("action", ACTIONS)
def test_measuring_requires_an_administrator_and_post(
    client: Client, administrator: User, runtime: HTTPRuntime, action: str
) -> None:
    address = reverse(action, args=[MODEL])
    assert client.get(address).status_code == 405
    assert client.post(reverse(action, args=["not-there"])).status_code == 404
    client.force_login(make_user())
    assert [client.post(address).status_code, client.get(reverse("model-speed", args=[MODEL])).status_code] == [404, 404]
    client.logout()
    assert client.post(address)["Location"] == "/accounts/login/"


@pytest.mark.model
def test_real_runtime_measures_until_it_is_told_not_to(service: Service) -> None:
    assert model_speed(MODEL) == ModelSpeed()
    start_bench(MODEL)
    assert model_speed(MODEL).running

    cancel_work(MODEL)
    until(lambda: not model_speed(MODEL).running)
    assert model_speed(MODEL) == ModelSpeed()
