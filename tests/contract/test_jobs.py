"""Jobs over HTTP: what is refused, and what outlives a killed service."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.library.registry.partial import completed_bytes
from tests.contract.service import MODEL, Service, until
from tests.docker_registry import digest_of, random_bytes, running_registry
from tests.inference.library.registry.faulty_proxy import FaultyProxy, is_blob
from tests.inference.tiny_models import write_llama

JOBS = "/api/hearth/jobs"
MIB = 1024 * 1024
WEIGHTS = random_bytes(10 * MIB, seed=7)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "missing request body"),
        (b"[]", "the request body must be a JSON object"),
        (b"{}", "kind is required"),
        (b'{"kind":"nonsense","model":"m"}', "kind must be one of bench, create, "),
        (b'{"kind":7}', "kind must be a string"),
        (b'{"kind":"pull"}', "model is required"),
        (b'{"kind":"pull","model":"../../etc"}', "invalid model name"),
        (b'{"kind":"pull","model":"m","insecure":"yes"}', "insecure must be true or false"),
        (b'{"kind":"push"}', "model is required"),
        (b'{"kind":"create","model":"m"}', "neither 'from' or 'files' was specified"),
        (b'{"kind":"create","model":"m","from":"a b"}', "invalid model name"),
        (b'{"kind":"import","model":"m"}', "file is required"),
        (b'{"kind":"import","model":"m","upload":"../x"}', "there is no such upload"),
    ],
)
def test_bad_wish_is_refused(service: Service, body: bytes, error: str) -> None:
    with service.client() as client:
        answer = client.post(JOBS, content=body)
        listed = client.get(JOBS).json()
    assert answer.status_code in (400, 404)
    assert error in answer.json()["error"]
    assert [job for job in listed["jobs"] if job["model"] == "m"] == []


@pytest.mark.parametrize("job_id", ["0123456789abcdef", "x", "..%2f..%2fetc", "%00"])
def test_unknown_job_is_not_found(service: Service, job_id: str) -> None:
    with service.client() as client:
        answers = [client.post(f"{JOBS}/{job_id}/{action}") for action in ("pause", "resume", "cancel", "retry")]
        answers += [client.delete(f"{JOBS}/{job_id}"), client.get(f"{JOBS}/{job_id}")]
        unknown = client.post(f"{JOBS}/{job_id}/explode")
    assert {answer.status_code for answer in [*answers, unknown]} == {404}
    if "%2f" not in job_id:
        assert {answer.json()["code"] for answer in answers} == {"job_not_found"}


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """The job, once it has ended."""
    found: dict[str, Any] = job
    while found["status"] in ("queued", "running"):
        found = until(lambda: client.get(f"{JOBS}/{job['id']}").json())
    return found


def test_create_is_a_job(service: Service) -> None:
    with service.client() as client:
        answer = client.post(JOBS, json={"kind": "create", "model": "jobs-made", "from": MODEL, "system": "Be brief."})
        job = ended(client, answer.json())
        shown = client.post("/api/show", json={"model": "jobs-made"}).json()
        again = client.post(f"{JOBS}/{job['id']}/cancel")
        dismissed = client.delete(f"{JOBS}/{job['id']}")
        listed = client.get(JOBS).json()["jobs"]
        client.request("DELETE", "/api/delete", json={"model": "jobs-made"})
    assert answer.status_code == 201
    assert (job["status"], job["message"], job["error"]) == ("succeeded", "success", "")
    assert shown["system"] == "Be brief."
    assert (again.status_code, again.json()["code"]) == (409, "action_not_possible")
    assert dismissed.status_code == 204 and job["id"] not in [entry["id"] for entry in listed]


def test_file_of_the_import_folder_is_imported(service: Service) -> None:
    folder = service.data / "models" / "import"
    folder.mkdir(exist_ok=True)
    file = write_llama(folder / "jobs-tiny.gguf", None)
    with service.client() as client:
        missing = ended(client, client.post(JOBS, json={"kind": "import", "model": "jobs-tiny", "file": "../other.gguf"}).json())
        job = ended(client, client.post(JOBS, json={"kind": "import", "model": "jobs-imported", "file": "jobs-tiny.gguf"}).json())
        names = [model["name"] for model in client.get("/api/tags").json()["models"]]
        client.request("DELETE", "/api/delete", json={"model": "jobs-imported"})
        for entry in (missing, job):
            client.delete(f"{JOBS}/{entry['id']}")
    file.unlink()
    assert (missing["status"], "no file" in missing["error"]) == ("failed", True)
    assert (job["status"], job["error"]) == ("succeeded", "")
    assert "jobs-imported:latest" in names


def test_failed_job_says_why(service: Service) -> None:
    with service.client() as client:
        job = ended(client, client.post(JOBS, json={"kind": "push", "model": "127.0.0.1:1/library/none"}).json())
        client.delete(f"{JOBS}/{job['id']}")
    assert job["status"] == "failed"
    assert "not found" in job["error"] and job["error"].endswith(".") and job["code"] == "model_not_found"


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[FaultyProxy]:
    """A registry whose blobs come to a halt in the middle until `fault` is taken away."""
    with running_registry(tmp_path / "registry") as docker:
        await asyncio.to_thread(docker.push, "library/slow", "latest", {"model": WEIGHTS})
        async with FaultyProxy(docker.url) as proxy:
            proxy.fault = lambda asked, sent: replace(sent, stall_at=5 * MIB // 2) if is_blob(asked) else sent
            yield proxy


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(tmp_path / "data", OLLAMA_MODELS=str(tmp_path / "models"))
    await asyncio.to_thread(service.start)
    yield service
    if service.process.poll() is None:
        await asyncio.to_thread(service.stop)
    assert "Traceback" not in service.log.read_text()


async def ask(service: Service, method: str, path: str, body: object = None) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:
        return await client.request(method, path, json=body)


async def job_with(service: Service, job_id: str, status: str) -> dict[str, Any]:
    for _ in itertools.count():
        job: dict[str, Any] = (await ask(service, "GET", f"{JOBS}/{job_id}")).json()
        if job["status"] == status:
            return job
        assert job["status"] in ("queued", "running"), job
    raise AssertionError


def blob_in(service: Service) -> Path:
    return Path(service.environ["OLLAMA_MODELS"]) / "blobs" / digest_of(WEIGHTS).replace(":", "-")


def come(service: Service) -> int:
    return completed_bytes(blob_in(service), len(WEIGHTS))


async def start_pull(service: Service, proxy: FaultyProxy) -> dict[str, Any]:
    body = {"kind": "pull", "model": f"http://{proxy.host}/library/slow", "insecure": True}
    job: dict[str, Any] = (await ask(service, "POST", JOBS, body)).json()
    again = await ask(service, "POST", JOBS, body)
    assert (again.status_code, again.json()["id"]) == (200, job["id"])
    await asyncio.to_thread(until, lambda: come(service) >= 4 * MIB)
    return job


async def test_pull_goes_on_after_the_service_was_killed(own: Service, proxy: FaultyProxy) -> None:
    job = await start_pull(own, proxy)
    own.process.kill()
    await asyncio.to_thread(own.process.wait, 10)
    assert json.loads((own.data / "jobs" / f"{job['id']}.json").read_text())["job"]["status"] == "running"
    came_before = come(own)

    proxy.fault = lambda asked, sent: sent
    await asyncio.to_thread(own.start)
    found = await job_with(own, job["id"], "succeeded")

    assert blob_in(own).read_bytes() == WEIGHTS
    assert found["completed"] == found["total"] >= len(WEIGHTS)
    path = f"/v2/library/slow/blobs/{digest_of(WEIGHTS)}"
    # Each of the parts that were open may have lost what the process had not written yet.
    assert proxy.num_sent[path] <= 2 * len(WEIGHTS) - came_before + 5 * MIB


async def test_pull_goes_on_after_an_orderly_stop(own: Service, proxy: FaultyProxy) -> None:
    job = await start_pull(own, proxy)
    assert await asyncio.to_thread(own.stop) == 0
    proxy.fault = lambda asked, sent: sent
    await asyncio.to_thread(own.start)
    assert (await job_with(own, job["id"], "succeeded"))["created_at"] == job["created_at"]
    assert blob_in(own).read_bytes() == WEIGHTS


async def test_pull_that_is_paused_stays_paused_over_a_restart(own: Service, proxy: FaultyProxy) -> None:
    job = await start_pull(own, proxy)
    paused = (await ask(own, "POST", f"{JOBS}/{job['id']}/pause")).json()
    came = come(own)
    assert paused["status"] == "paused" and came >= 4 * MIB
    await asyncio.to_thread(own.stop)
    proxy.fault = lambda asked, sent: sent
    await asyncio.to_thread(own.start)
    still = (await ask(own, "GET", f"{JOBS}/{job['id']}")).json()
    assert (still["status"], come(own)) == ("paused", came)

    await ask(own, "POST", f"{JOBS}/{job['id']}/resume")
    await job_with(own, job["id"], "succeeded")
    assert blob_in(own).read_bytes() == WEIGHTS


async def test_cancelled_pull_leaves_nothing(own: Service, proxy: FaultyProxy) -> None:
    job = await start_pull(own, proxy)
    cancelled = (await ask(own, "POST", f"{JOBS}/{job['id']}/cancel")).json()
    assert cancelled["status"] == "cancelled"
    assert [path.name for path in blob_in(own).parent.iterdir() if "partial" in path.name] == []
    proxy.fault = lambda asked, sent: sent
    await ask(own, "POST", f"{JOBS}/{job['id']}/retry")
    await job_with(own, job["id"], "succeeded")
    assert blob_in(own).read_bytes() == WEIGHTS
