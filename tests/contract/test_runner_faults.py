"""Runners that stop, hang and fail, as real processes."""

import re
import signal
import threading
import time

import httpx
import psutil

from tests.contract.service import MODEL, Service, chat_body, endless_body, first_text, lines_of, until


def test_hung_runner_is_ended_its_requests_fail_and_the_next_starts_a_new_one(own_service: Service) -> None:
    own_service.environ |= {"HEARTH_RUNNER_HANG_S": "1"}
    own_service.start()
    with own_service.client() as client, client.stream("POST", "/api/chat", json=endless_body()) as response:
        lines = lines_of(response)
        first_text(lines)
        (runner,) = own_service.runners()
        runner.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        *_, last = lines
    waited = time.monotonic() - started

    assert last["code"] == "runner_crashed"
    # As long as it was: a busy machine notices later.
    assert re.search(r"did not answer for \d+ seconds?", last["error"])
    # The question that got no answer may have been asked a little before the runner was stopped.
    assert waited >= 0.5
    assert not runner.is_running()
    assert own_service.post("/api/chat", chat_body(stream=False, options={"num_predict": 1})).json()["done"] is True
    assert b'hearth_runner_crashes_total{model="smollm2:135m"} 1.0' in httpx.get(f"{own_service.url}/metrics").content


def test_busy_runner_with_a_short_bound_is_left_alone(own_service: Service) -> None:
    own_service.environ |= {"HEARTH_RUNNER_HANG_S": "2"}
    own_service.start()
    prompt = "one two three four five six seven eight nine ten " * 30
    answer = own_service.post("/api/chat", chat_body(prompt, stream=False, options={"num_predict": 20})).json()

    assert answer["done"] is True
    assert len(own_service.runners()) == 1


def test_hung_idle_model_is_unloaded_within_a_bound(own_service: Service) -> None:
    own_service.start()
    own_service.post("/api/chat", {"model": MODEL})
    (runner,) = own_service.runners()
    runner.send_signal(signal.SIGSTOP)
    own_service.post("/api/chat", {"model": MODEL, "keep_alive": 0})

    # Asked, then terminated, then killed: five seconds each.
    until(lambda: not runner.is_running(), 15)
    assert httpx.get(f"{own_service.url}/api/ps").json() == {"models": []}


def test_load_that_makes_no_progress_ends_with_an_error(own_service: Service) -> None:
    own_service.environ |= {"OLLAMA_LOAD_TIMEOUT": "2s"}
    own_service.start()
    runner, asking, outcome = until(lambda: ask_and_stop_the_load(own_service))
    asking.join(30)

    assert (outcome[0].status_code, outcome[0].json()["code"]) == (500, "model_load_failed")
    assert "made no progress for 2 seconds" in outcome[0].json()["error"]
    assert not runner.is_running()
    assert own_service.post("/api/chat", chat_body(stream=False, options={"num_predict": 1})).json()["done"] is True


def ask_and_stop_the_load(service: Service) -> tuple[psutil.Process, threading.Thread, list[httpx.Response]] | None:
    """None where the model was loaded before its process could be stopped: it is unloaded then."""
    outcome: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: outcome.append(service.post("/api/chat", chat_body(stream=False))))
    asking.start()
    runner: psutil.Process = until(service.runners)[0]
    runner.send_signal(signal.SIGSTOP)
    if not httpx.get(f"{service.url}/api/ps").json()["models"]:
        return runner, asking, outcome
    runner.send_signal(signal.SIGCONT)
    asking.join(30)
    service.post("/api/chat", {"model": MODEL, "keep_alive": 0})
    until(lambda: not runner.is_running())
    return None


def test_variables_for_llama_cpp_reach_the_runner(own_service: Service) -> None:
    own_service.environ |= {"CUDA_VISIBLE_DEVICES": "1", "HSA_OVERRIDE_GFX_VERSION": "10.3.0", "OLLAMA_KV_CACHE_TYPE": "q8_0"}
    own_service.start()
    own_service.post("/api/chat", {"model": MODEL})
    (runner,) = own_service.runners()
    environ = runner.environ()

    assert (environ["CUDA_VISIBLE_DEVICES"], environ["HSA_OVERRIDE_GFX_VERSION"]) == ("1", "10.3.0")
    # The cache has half its size and answers all the same.
    (shown,) = httpx.get(f"{own_service.url}/api/ps").json()["models"]
    assert shown["size"] < 300_000_000
    assert own_service.post("/api/chat", chat_body(stream=False, options={"num_predict": 1})).json()["done"] is True
