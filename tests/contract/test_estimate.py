"""What the runtime says of models before they are downloaded, of a real service."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.service import MODEL, Service

Ask = Callable[..., httpx.Response]
RATES = {"Q4_0": 4e10, "Q4_1": 3e10, "Q4_K": 4e10, "Q6_K": 4e10, "Q8_0": 4e10, "F16": 5e10}


@pytest.fixture
def estimate(service: Service) -> Iterator[Ask]:
    with service.client() as client:
        yield lambda **body: client.post("/api/hearth/estimate", json=body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "model is required, or size or parameters"),
        ({"size": -1}, "size must be between 0 and"),
        ({"size": "big"}, "size must be a whole number"),
        ({"parameters": 1e30}, "parameters must be between 0 and"),
        ({"size": 10**9, "context": -5}, "context must be between 0 and"),
        ({"model": "../../etc/passwd:x:y"}, "invalid model name"),
        ({"model": "http://127.0.0.1:1/x/y"}, "insecure protocol http"),
        ({"model": 7}, "model must be a string"),
    ],
)
def test_bad_question_is_refused(estimate: Ask, body: dict[str, object], message: str) -> None:
    response = estimate(**body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(message)


def test_machine_is_described(service: Service) -> None:
    with service.client() as client:
        machine = client.get("/api/hearth/machine").json()
    assert machine["cores"] >= 1
    assert 0 < machine["memory_free"] <= machine["memory_total"]
    assert 0 < machine["disk_free"] <= machine["disk_total"]
    assert machine["bandwidth"] == max(machine["rates"].values()) > 1e8
    kept = json.loads((service.data / "machine.json").read_text())
    assert kept["machine"] == machine["machine"]


def test_installed_model_has_nothing_to_download(estimate: Ask) -> None:
    found = estimate(model=MODEL.upper()).json()
    assert (found["installed"], found["download_bytes"], found["fits"], found["short_bytes"]) == (True, 0, True, 0)
    assert found["quantization"] == "Q4_1"
    assert found["size"] < found["memory_bytes"] < found["memory_free"]
    assert found["tokens_per_second"] > 1
    assert found["is_measured"] is False


def test_larger_context_takes_more_memory(estimate: Ask) -> None:
    small, large = (estimate(model=MODEL, context=context).json() for context in (512, 8192))
    assert small["context"] == 512
    assert small["memory_bytes"] < large["memory_bytes"]


def test_model_that_does_not_fit_says_by_how_much(estimate: Ask) -> None:
    found = estimate(size=2**45).json()
    assert found["fits"] is False
    assert found["short_bytes"] == found["memory_bytes"] - found["memory_free"] > 0
    assert found["disk_short_bytes"] == 2**45 - found["disk_free"]


def test_experts_that_rest_cost_memory_and_no_time(estimate: Ask) -> None:
    whole = estimate(parameters=30e9).json()
    mixture = estimate(parameters=30e9, active_parameters=3e9).json()
    assert whole["memory_bytes"] == mixture["memory_bytes"]
    assert mixture["tokens_per_second"] > 5 * whole["tokens_per_second"]


def test_catalogue_comes_in_the_language_that_was_asked(service: Service) -> None:
    with service.client() as client:
        english = client.get("/api/hearth/catalogue", params={"language": "en"}).json()
        chinese = client.get("/api/hearth/catalogue", params={"language": "zh-hans"}).json()
        by_header = client.get("/api/hearth/catalogue", headers={"accept-language": "zh-CN,en;q=0.5"}).json()
    assert chinese["language"] == by_header["language"] == "zh-hans"
    assert [family["summary"] for family in english["families"]] != [family["summary"] for family in chinese["families"]]
    assert [family["family"] for family in english["families"]] == [family["family"] for family in chinese["families"]]
    assert by_header["families"][0]["summary"] == chinese["families"][0]["summary"]


def test_catalogue_says_of_each_size_whether_it_fits_and_is_here(service: Service) -> None:
    with service.client() as client:
        families = client.get("/api/hearth/catalogue").json()["families"]
    sizes = [size for family in families for size in family["sizes"]]
    assert {size["name"] for size in sizes if size["installed"]} == {MODEL}
    for size in sizes:
        assert size["estimate"]["fits"] == (size["estimate"]["short_bytes"] == 0)
        assert size["estimate"]["memory_bytes"] > size["download_bytes"]
        assert (size["estimate"]["tokens_per_second"] is None) == ("completion" not in size["capabilities"])


def test_calibration_of_another_machine_is_not_used(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    kept = {"machine": "Another Processor, 64 cores", "rates": RATES, "layer_seconds": 4e-5, "measured_at": 1.0}
    (data / "machine.json").write_text(json.dumps(kept))
    own = Service(data).start()
    try:
        with own.client() as client:
            machine = client.get("/api/hearth/machine").json()
        assert machine["rates"] and machine["rates"] != {kind: int(rate) for kind, rate in RATES.items()}
        assert json.loads((data / "machine.json").read_text())["machine"] == machine["machine"] != kept["machine"]
    finally:
        own.stop()
