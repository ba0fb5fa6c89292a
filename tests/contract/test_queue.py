"""Who waits, how long, and who is turned away."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

import httpx

from tests.contract.service import MODEL, Service, chat_body, endless_body, first_text, lines_of, until


def test_full_queue_turns_away_whoever_comes_whether_the_model_is_loading_or_loaded(own_service: Service) -> None:
    own_service.environ |= {"OLLAMA_MAX_QUEUE": "2", "OLLAMA_NUM_PARALLEL": "1"}
    own_service.start()
    outcomes: list[httpx.Response] = []
    body = chat_body(stream=False, options={"num_predict": 1, "num_ctx": 256})
    askers = [threading.Thread(target=lambda: outcomes.append(own_service.post("/api/chat", body))) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)

    turned_away = [outcome for outcome in outcomes if outcome.status_code == 503]
    assert len(turned_away) >= 4
    assert {(refused.json()["code"], refused.headers["retry-after"]) for refused in turned_away} == {("queue_full", "5")}
    served = [outcome for outcome in outcomes if outcome.status_code == 200]
    assert len(served) + len(turned_away) == 8
    # The two that waited for the load, at least.
    assert len(served) >= 2


@contextlib.contextmanager
def standing_still(service: Service) -> Iterator[httpx.Client]:
    """The only slot is taken, and stays so until the block ends: the runner's process is stopped in mid-answer."""
    with service.client() as client, client.stream("POST", "/api/chat", json=endless_body()) as running:
        # Kept: httpx closes the connection with the last reader of its lines.
        lines = lines_of(running)
        first_text(lines)
        (runner,) = service.runners()
        runner.send_signal(signal.SIGSTOP)
        yield client
    runner.send_signal(signal.SIGCONT)


def num_waiting(client: httpx.Client) -> int:
    line = next(line for line in client.get("/metrics").text.splitlines() if line.startswith("hearth_waiting_requests "))
    return int(float(line.split()[1]))


def test_full_queue_counts_those_who_wait_for_a_slot(own_service: Service) -> None:
    own_service.environ |= {"OLLAMA_MAX_QUEUE": "1", "OLLAMA_NUM_PARALLEL": "1"}
    own_service.start()
    with standing_still(own_service) as client:
        body = endless_body(hearth={"events": True})
        with client.stream("POST", "/api/chat", json=body) as waiting:
            lines = lines_of(waiting)
            assert next(lines)["event"] == "queued"
            refused = own_service.post("/api/chat", chat_body())

    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")


def test_one_persons_request_is_not_held_up_by_anothers_many(own_service: Service) -> None:
    own_service.environ |= {"OLLAMA_NUM_PARALLEL": "1"}
    own_service.start()
    ended: list[str] = []

    def ask(client: str) -> None:
        body = {"model": MODEL, "prompt": "x", "raw": True, "stream": False}
        own_service.post("/api/generate", body | {"hearth": {"client": client}, "options": {"num_predict": 1}})
        ended.append(client)

    with standing_still(own_service) as client:
        many = [threading.Thread(target=ask, args=("many",)) for _ in range(50)]
        for asker in many:
            asker.start()
        until(lambda: num_waiting(client) == 50)
        one = threading.Thread(target=ask, args=("one",))
        one.start()
        until(lambda: num_waiting(client) == 51)
    for asker in (*many, one):
        asker.join(60)

    assert len(ended) == 51
    assert ended.index("one") <= 3


def test_place_comes_with_the_time_it_will_take(own_service: Service) -> None:
    own_service.environ |= {"OLLAMA_NUM_PARALLEL": "1"}
    own_service.start()
    started = time.monotonic()
    own_service.post("/api/chat", chat_body(stream=False, options={"num_predict": 8, "temperature": 0}))
    longest = time.monotonic() - started
    body = endless_body(hearth={"events": True})
    with standing_still(own_service) as client, client.stream("POST", "/api/chat", json=body) as waiting:
        line = next(lines_of(waiting))

    assert (line["event"], line["position"]) == ("queued", 1)
    assert 1 <= line["seconds"] <= longest + 1
