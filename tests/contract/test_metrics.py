"""What Prometheus sees."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.service import MODEL, Service, chat_body, until


def samples(text: str) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counts_follow_what_happened_and_both_listeners_tell_the_same(own_service: Service) -> None:
    own_service.start()
    for _ in range(2):
        own_service.post("/api/chat", chat_body("hi", stream=False, options={"num_predict": 3, "temperature": 0}))
    own_service.post("/api/chat", chat_body(model="nothing"))
    httpx.get(f"{own_service.url}/wp-login.php")
    own_service.post("/api/chat", {"model": MODEL, "keep_alive": 0})
    until(lambda: not own_service.runners())
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(own_service.socket_path)), base_url="http://localhost") as client:
        response = client.get("/metrics")
    seen = samples(response.text)

    assert response.headers["content-type"].startswith("text/plain; version=")
    assert seen["hearth_http_requests_total", "/api/chat", "200"] == 3
    assert seen["hearth_http_requests_total", "/api/chat", "404"] == 1
    assert seen["hearth_http_requests_total", "other", "404"] == 1
    assert seen["hearth_answers_total", MODEL, "length"] == 2
    assert seen["hearth_generated_tokens_total", MODEL] == 6
    computed = seen["hearth_prompt_tokens_total", MODEL, "computed"]
    cached = seen["hearth_prompt_tokens_total", MODEL, "cache"]
    # The second time, all but the last token were there already.
    assert (computed - cached, cached > 10) == (2, True)
    assert seen["hearth_first_token_seconds_count", MODEL] == seen["hearth_queue_seconds_count", MODEL] == 2
    assert seen["hearth_first_token_seconds_sum", MODEL] > 0
    assert seen["hearth_generated_tokens_per_second_count", MODEL] == 2
    assert seen["hearth_model_loads_total", MODEL, "loaded"] == 1
    assert seen["hearth_model_unloads_total", MODEL, "asked"] == 1
    assert (seen["hearth_loaded_models",], seen["hearth_waiting_requests",]) == (0, 0)
    over_tcp = samples(httpx.get(f"{own_service.url}/metrics").text)
    assert over_tcp.keys() - seen.keys() == {("hearth_http_requests_total", "/metrics", "200")}


def test_memory_of_a_loaded_model_is_measured_and_near_what_ps_shows(own_service: Service) -> None:
    own_service.environ |= {"HEARTH_PRELOAD": f"nothing, {MODEL}", "OLLAMA_NUM_PARALLEL": "3"}
    own_service.start()
    until(own_service.runners)
    (shown,) = until(lambda: httpx.get(f"{own_service.url}/api/ps").json()["models"])
    (runner,) = own_service.runners()
    seen = samples(httpx.get(f"{own_service.url}/metrics").text)

    assert abs(seen["hearth_runner_memory_bytes", MODEL] - runner.memory_info().rss) < 20_000_000
    assert abs(shown["size"] - runner.memory_info().rss) < 0.2 * shown["size"]
    assert shown["context_length"] == 1024
    assert (seen["hearth_slots", MODEL], seen["hearth_slots_in_use", MODEL]) == (3, 0)
    assert "HEARTH_PRELOAD: nothing is not loaded: model 'nothing' not found" in own_service.log.read_text()
