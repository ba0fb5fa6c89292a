"""What an answer took that was cut off, as the web process asks about it."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.service import MODEL, TIMEOUT_S, Service

pytestmark = [pytest.mark.services, pytest.mark.model]
#: Forbidding the end token is what makes an answer go on whatever the processor computes.
ENDLESS: dict[str, Any] = {"num_predict": -1, "ignore_eos": True, "loop_guard": False}
CALLER = {"hearth-caller": "user:7/key:12"}


@pytest.fixture
def web(service: Service) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(service.socket_path))
    with httpx.Client(transport=transport, base_url="http://runtime", timeout=TIMEOUT_S) as client:
        yield client


def named(number: int) -> dict[str, str]:
    return {**CALLER, "hearth-request": f"{number:032x}"}


def usage(web: httpx.Client, number: int) -> dict[str, int]:
    response = web.get(f"/api/hearth/usage/{number:032x}")
    assert response.status_code == 200, response.text
    return dict(response.json())


def prompt_size(web: httpx.Client, prompt: str) -> int:
    return int(web.post("/api/tokenize", json={"model": MODEL, "prompt": prompt}).json()["count"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", {"prompt": "Once upon", "raw": True, "options": ENDLESS}),
        ("/v1/completions", {"prompt": "Once upon", "stream": True, "options": ENDLESS}),
        ("/v1/completions", {"prompt": "Once upon", "stream": True, "n": 2, "seed": 1, "options": ENDLESS}),
    ],
)
def test_stream_that_its_reader_leaves_is_counted_to_the_step_in_which_it_ended(
    web: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    number, num_lines = 1, 0
    with web.stream("POST", path, json={"model": MODEL, **body}, headers=named(number)) as answer:
        for line in answer.iter_lines():
            num_lines += bool(line) and not line.startswith(":")
            if num_lines == 3:
                break

    counts = usage(web, number)

    assert counts["prompt_tokens"] == prompt_size(web, "Once upon")
    # Each line has at least one token; those still on their way have been computed too.
    assert counts["completion_tokens"] >= num_lines
    assert web.get(f"/api/hearth/usage/{'f' * 31}g").status_code == 404


def test_whole_answer_that_nobody_waits_for_is_counted(web: httpx.Client) -> None:
    """It is cut off before anything of it was sent. How far a model comes in a second, nobody knows."""
    body = {"model": MODEL, "prompt": "Once upon", "raw": True, "stream": False, "options": ENDLESS}
    for number, seconds in enumerate((0.5, 1, 2, 4, 8, 16), start=20):
        with pytest.raises(httpx.ReadTimeout):
            web.post("/api/generate", json=body, headers=named(number), timeout=httpx.Timeout(TIMEOUT_S, read=seconds))
        if (counts := usage(web, number))["completion_tokens"]:
            break

    assert counts["completion_tokens"] > 0 and counts["prompt_tokens"] == prompt_size(web, "Once upon")


def test_question_waits_for_an_answer_that_goes_on(web: httpx.Client, service: Service) -> None:
    """The web process may ask before the runtime has seen that the connection is closed."""
    answers: list[dict[str, int]] = []

    def ask() -> None:
        transport = httpx.HTTPTransport(uds=str(service.socket_path))
        with httpx.Client(transport=transport, base_url="http://runtime", timeout=TIMEOUT_S) as other:
            answers.append(usage(other, 3))

    body = {"model": MODEL, "prompt": "One", "raw": True, "options": {**ENDLESS, "num_predict": 8}}
    with web.stream("POST", "/api/generate", json=body, headers=named(3)) as answer:
        lines = answer.iter_lines()
        next(lines)
        asking = threading.Thread(target=ask)
        asking.start()
        last = json.loads(list(lines)[-1])
    asking.join(TIMEOUT_S)

    assert answers == [{"prompt_tokens": last["prompt_eval_count"], "completion_tokens": last["eval_count"]}]


def test_usage_is_for_the_web_process_alone(web: httpx.Client, service: Service) -> None:
    body = {"model": MODEL, "prompt": "One", "stream": False, "options": {"num_predict": 1}}
    assert web.post("/api/generate", json=body, headers=named(4)).status_code == 200

    with service.client() as tcp:
        forged = tcp.post("/api/generate", json=body, headers=named(5))
        over_tcp = tcp.get(f"/api/hearth/usage/{4:032x}")
    in_somebodys_name = web.get(f"/api/hearth/usage/{4:032x}", headers=CALLER)

    assert forged.status_code == 200
    assert (over_tcp.status_code, in_somebodys_name.status_code) == (404, 404)
    assert usage(web, 4)["completion_tokens"] == 1
