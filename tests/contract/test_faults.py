"""Clients that leave, processes that die: what the others see."""

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.contract.service import MODEL, Service, chat_body, endless_body, first_text, lines_of, until


@contextlib.contextmanager
def streaming(service: Service, **changes: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """An endless answer of which the first text has come."""
    with service.client() as client, client.stream("POST", "/api/chat", json=endless_body(**changes)) as response:
        lines = lines_of(response)
        first_text(lines)
        yield lines


def busy_time(service: Service) -> float:
    (runner,) = service.runners()
    return float(runner.cpu_times().user)


def test_client_that_leaves_frees_its_slot(service: Service) -> None:
    # As many long answers as there are slots, twice: the second pair is only served when the first was aborted.
    for _ in range(2):
        with streaming(service), streaming(service):
            pass
    started = time.monotonic()
    answer = service.post("/api/chat", chat_body(stream=False, options={"num_predict": 1})).json()

    assert answer["done"] is True
    assert time.monotonic() - started < 30


@contextlib.contextmanager
def watching(service: Service) -> Iterator[tuple[httpx.Response, Iterator[dict[str, Any]]]]:
    """The same with what happens before the first text."""
    with service.client() as client:
        body = endless_body(hearth={"events": True})
        with client.stream("POST", "/api/chat", json=body) as response:
            yield response, lines_of(response)


def place(line: dict[str, Any]) -> tuple[str, int]:
    """How long it will take depends on what was asked before."""
    return line["event"], line["position"]


def test_client_that_leaves_while_waiting_makes_the_others_move_up(service: Service) -> None:
    with streaming(service), streaming(service), watching(service) as (first, first_lines):
        assert place(next(first_lines)) == ("queued", 1)
        with watching(service) as (_, second_lines):
            assert place(next(second_lines)) == ("queued", 2)
            first.close()
            assert place(next(second_lines)) == ("queued", 1)


def test_client_that_leaves_a_whole_answer_ends_the_work(service: Service) -> None:
    body = json.dumps(endless_body(stream=False)).encode()
    head = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    service.post("/api/chat", {"model": MODEL})
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        before = busy_time(service)
        connection.sendall(head + body)
        until(lambda: busy_time(service) > before + 0.3)

    def is_at_rest() -> bool:
        seen = busy_time(service)
        threading.Event().wait(0.3)
        return busy_time(service) - seen < 0.05

    assert until(is_at_rest, 10)


def test_reader_that_does_not_read_holds_up_nobody(service: Service) -> None:
    with streaming(service):
        answer = service.post("/api/chat", chat_body("hi", stream=False, options={"num_predict": 5})).json()

    assert answer["eval_count"] >= 1


def test_killed_runner_ends_its_answers_with_an_error_and_the_next_works(service: Service) -> None:
    with streaming(service) as lines:
        (runner,) = service.runners()
        runner.kill()
        *_, last = lines

    assert last["code"] == "runner_crashed"
    assert last["error"]
    assert "done" not in last
    answer = service.post("/api/chat", chat_body("hi", stream=False, options={"num_predict": 3})).json()
    assert answer["done"] is True
    assert not runner.is_running()


def test_killed_runner_gives_a_whole_answer_a_status(own_service: Service) -> None:
    own_service.start()
    own_service.post("/api/chat", {"model": MODEL})
    (runner,) = own_service.runners()
    before = busy_time(own_service)
    outcome: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: outcome.append(own_service.post("/api/chat", endless_body(stream=False))))
    asking.start()
    until(lambda: busy_time(own_service) > before + 0.3)
    runner.kill()
    asking.join(30)

    assert (outcome[0].status_code, outcome[0].json()["code"]) == (500, "runner_crashed")


def test_runner_that_crashes_again_and_again_is_left_alone(own_service: Service) -> None:
    own_service.start()
    for _ in range(3):
        with streaming(own_service) as lines:
            own_service.runners()[0].kill()
            assert list(lines)[-1]["code"] == "runner_crashed"
    response = own_service.post("/api/chat", chat_body())

    assert (response.status_code, response.json()["code"]) == (500, "model_load_failed")
    assert "failed 3 times within a minute" in response.json()["error"]
    assert own_service.runners() == []


def test_killed_service_leaves_no_runner_and_starts_again(own_service: Service) -> None:
    own_service.start()
    with pytest.raises(httpx.TransportError), streaming(own_service) as lines:
        runners = own_service.runners()
        own_service.process.kill()
        own_service.process.wait(10)
        list(lines)
    assert len(runners) == 1
    assert psutil.wait_procs(runners, timeout=5)[1] == []

    # The socket file of the dead is no obstacle.
    assert own_service.socket_path.exists()
    own_service.start()
    assert own_service.post("/api/chat", chat_body("hi", stream=False, options={"num_predict": 1})).json()["done"] is True


def test_terminated_service_tells_its_readers_and_leaves_nothing(own_service: Service) -> None:
    own_service.start()
    with streaming(own_service) as lines:
        runners = own_service.runners()
        started = time.monotonic()
        own_service.process.send_signal(signal.SIGTERM)
        *_, last = lines
        assert own_service.process.wait(10) == 0
        assert time.monotonic() - started < 4

    assert (last["code"], "done" in last) == ("shutting_down", False)
    assert len(runners) == 1
    assert psutil.wait_procs(runners, timeout=1)[1] == []
    assert list((own_service.data / "run").iterdir()) == []
    assert "Traceback" not in own_service.log.read_text()


def test_terminated_service_does_not_wait_for_one_who_does_not_read(own_service: Service) -> None:
    own_service.start()
    body = json.dumps(endless_body()).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.connect(("127.0.0.1", own_service.port))
        connection.sendall(b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(10) == b"HTTP/1.1 2"
        started = time.monotonic()
        assert own_service.stop() == 0
        assert time.monotonic() - started < 4


def test_full_queue_is_refused_with_a_time_to_come_back(tmp_path: Path, service: Service) -> None:
    models = str(service.data / "models")
    own = Service(tmp_path / "data", OLLAMA_MODELS=models, OLLAMA_NUM_PARALLEL="1", OLLAMA_MAX_QUEUE="1").start()
    try:
        with streaming(own), watching(own) as (_, waiting):
            assert next(waiting) == {"event": "queued", "position": 1}
            response = own.post("/api/chat", chat_body())
    finally:
        own.stop()

    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json() == {"error": "server busy, please try again.  maximum pending requests exceeded", "code": "queue_full"}
