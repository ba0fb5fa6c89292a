"""Pulls from a real registry that behaves."""

import asyncio
import hashlib
from contextlib import aclosing
from dataclasses import replace

import pytest

from inference.errors import InvalidRequest, NotEnoughDisk, NotInRegistry, RegistryError
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.progress import Progress
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from tests.docker_registry import DockerRegistry, digest_of, random_bytes
from tests.inference.library.registry.faulty_proxy import Asked, FaultyProxy, Sent, is_blob
from tests.inference.library.registry.pulling import LAYERS, MIB, WEIGHTS, blob_bytes, leftovers, manifest_bytes, pull, statuses


async def test_pull_brings_every_byte_and_says_so_as_ollama_does(docker: DockerRegistry, library: Library, pulls: Pulls) -> None:
    manifest = docker.push("library/whole", "latest", LAYERS, config=b'{"model_format":"gguf"}')
    name = f"{docker.host}/library/whole"

    steps = await pull(pulls, name)

    assert manifest_bytes(library, name) == manifest
    assert library.find(parse_name(name), asked=name).digest == hashlib.sha256(manifest).hexdigest()
    assert [blob_bytes(library, digest_of(content)) for content in LAYERS.values()] == list(LAYERS.values())
    assert leftovers(library) == []
    pulling = [f"pulling {digest_of(content)[7:19]}" for content in (*LAYERS.values(), b'{"model_format":"gguf"}')]
    assert statuses(steps) == ["pulling manifest", *pulling, "verifying sha256 digest", "writing manifest", "success"]
    digest = digest_of(WEIGHTS)
    last = [step for step in steps if step.digest == digest][-1]
    assert last == Progress(status=f"pulling {digest[7:19]}", digest=digest, total=len(WEIGHTS), completed=len(WEIGHTS))


async def test_pull_of_what_is_there_fetches_only_the_manifest(docker: DockerRegistry, proxy: FaultyProxy, pulls: Pulls) -> None:
    docker.push("library/twice", "latest", LAYERS)
    await pull(pulls, f"{proxy.host}/library/twice")
    proxy.asked.clear()

    steps = await pull(pulls, f"{proxy.host}/library/twice")

    assert proxy.blob_requests() == []
    assert statuses(steps)[-1] == "success"


async def test_new_version_removes_what_only_the_old_one_needed(docker: DockerRegistry, library: Library, pulls: Pulls) -> None:
    old = {"model": random_bytes(5000, 1), "license": b"kept"}
    new = {"model": random_bytes(5000, 2), "license": b"kept"}
    docker.push("library/new", "latest", old)
    await pull(pulls, f"{docker.host}/library/new")
    manifest = docker.push("library/new", "latest", new)

    steps = await pull(pulls, f"{docker.host}/library/new:latest")

    assert statuses(steps)[-2:] == ["removing unused layers", "success"]
    assert manifest_bytes(library, f"{docker.host}/library/new") == manifest
    assert not library.blobs.path(digest_of(old["model"])).exists()
    assert blob_bytes(library, digest_of(b"kept")) == b"kept"


async def test_unknown_model_is_refused_in_ollamas_words(docker: DockerRegistry, library: Library, pulls: Pulls) -> None:
    with pytest.raises(NotInRegistry, match=r"\Apull model manifest: file does not exist\Z"):
        await pull(pulls, f"{docker.host}/library/nothing")
    assert not library.manifests.root.exists()


@pytest.mark.parametrize("name", ["", "a b", "-x", "../x", "http://", "ftp://host/library/x", "host:port/library/x", "h/../m"])
async def test_what_is_no_name_is_refused(pulls: Pulls, name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"\Ainvalid model name\Z"):
        await pull(pulls, name)


async def test_plain_http_has_to_be_asked_for(docker: DockerRegistry, pulls: Pulls) -> None:
    with pytest.raises(InvalidRequest, match="insecure protocol http"):
        _ = [step async for step in pulls.pull(f"http://{docker.host}/library/whole")]


async def test_unreachable_registry_is_named(pulls: Pulls) -> None:
    with pytest.raises(RegistryError, match=r"pull model manifest: .*cannot be reached"):
        await pull(pulls, "http://127.0.0.1:9/library/x")


async def test_two_who_ask_for_one_model_share_one_pull(docker: DockerRegistry, proxy: FaultyProxy, pulls: Pulls) -> None:
    docker.push("library/joined", "latest", LAYERS)
    name = f"{proxy.host}/library/joined"

    first, second = await asyncio.gather(pull(pulls, name), pull(pulls, name.replace("joined", "Joined")))

    assert statuses(first) == statuses(second)
    assert len([asked for asked in proxy.asked if "/manifests/" in asked.target]) == 1
    assert proxy.num_sent[f"/v2/library/joined/blobs/{digest_of(WEIGHTS)}"] == len(WEIGHTS)


async def test_two_models_with_one_blob_fetch_it_once(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pulls: Pulls
) -> None:
    docker.push("library/one", "latest", {"model": WEIGHTS})
    docker.push("library/two", "latest", {"model": WEIGHTS, "system": b"Be brief."})
    both_ask = asyncio.Barrier(2)

    async def wait_for_the_other(asked: Asked, sent: Sent) -> Sent:
        if "/manifests/" in asked.target:
            await both_ask.wait()
        return sent

    proxy.fault = wait_for_the_other
    await asyncio.gather(*(pull(pulls, f"{proxy.host}/library/{model}") for model in ("one", "two")))

    assert sum(count for path, count in proxy.num_sent.items() if digest_of(WEIGHTS) in path) == len(WEIGHTS)
    assert len(library.list_models()) == 2


async def test_pull_goes_on_while_one_still_waits_and_ends_with_the_last(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pulls: Pulls
) -> None:
    docker.push("library/left", "latest", LAYERS)
    name = f"{proxy.host}/library/left"

    def halve_parts(asked: Asked, sent: Sent) -> Sent:
        """Of every 4 MiB the second half does not come, how often soever it is asked for."""
        if not is_blob(asked) or asked.range is None:
            return sent
        return replace(sent, stall_at=max(2 * MIB - asked.range[0] % (4 * MIB), 0))

    proxy.fault = halve_parts

    async def until_bytes_come(steps: object) -> None:
        async for step in steps:  # type: ignore[attr-defined]
            if step.completed > 3 * MIB:
                return

    async with aclosing(pulls.pull(name, insecure=True)) as staying:
        async with aclosing(pulls.pull(name, insecure=True)) as leaving:
            await until_bytes_come(leaving)
        await until_bytes_come(staying)
    before = len(proxy.blob_requests())
    assert leftovers(library) != []

    # Nobody waits any more, so nothing is going on; asked for again, it goes on from there.
    proxy.fault = lambda asked, sent: sent
    already = sum(proxy.num_sent.values())
    assert before == len(proxy.blob_requests())
    await pull(pulls, name)
    assert leftovers(library) == []
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert sum(proxy.num_sent.values()) - already < len(WEIGHTS) - 3 * MIB


async def test_full_disk_is_told_before_the_first_blob(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, registry: Registry
) -> None:
    docker.push("library/large", "latest", LAYERS)
    pulls = Pulls(library, registry, free=lambda folder: 5_000_000)

    with pytest.raises(NotEnoughDisk, match="needs 9 MB more, and 5 MB are free in the models folder"):
        await pull(pulls, f"{proxy.host}/library/large")
    assert proxy.blob_requests() == []
    await pulls.close()


async def test_room_promised_to_one_pull_is_not_free_for_another(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, registry: Registry
) -> None:
    docker.push("library/first", "latest", {"model": WEIGHTS})
    docker.push("library/second", "latest", {"model": random_bytes(9 * MIB, 7)})
    pulls = Pulls(library, registry, free=lambda folder: 15_000_000)
    proxy.fault = lambda asked, sent: replace(sent, stall_at=100_000) if is_blob(asked) else sent

    async with aclosing(pulls.pull(f"{proxy.host}/library/first", insecure=True)) as first:
        async for step in first:
            if step.digest:
                break
        with pytest.raises(NotEnoughDisk):
            await pull(pulls, f"{proxy.host}/library/second")
    proxy.fault = lambda asked, sent: sent
    await pull(pulls, f"{proxy.host}/library/second")
    await pulls.close()


async def test_cap_on_bandwidth_holds(docker: DockerRegistry, library: Library, registry: Registry) -> None:
    docker.push("library/slow", "latest", {"model": random_bytes(3 * MIB, 3)})
    pulls = Pulls(library, registry, limit=6 * MIB)
    loop = asyncio.get_running_loop()
    started = loop.time()

    steps = await pull(pulls, f"{docker.host}/library/slow")

    elapsed = loop.time() - started
    assert 0.45 < elapsed < 3
    # And nobody is told more often than ten times a second, but for what begins and ends.
    assert 3 <= len(steps) <= elapsed * 10 + 7
    await pulls.close()


async def test_estimate_reads_manifest_and_beginning_of_a_blob(docker: DockerRegistry, registry: Registry) -> None:
    manifest = docker.push("library/asked", "latest", LAYERS)
    name = f"{docker.host}/library/asked"

    found = await registry.manifest(name, insecure=True)

    assert found.content == manifest
    assert found.digest == hashlib.sha256(manifest).hexdigest()
    weights = found.manifest.first("model")
    assert weights is not None
    assert await registry.read_blob(name, weights.digest, 1000, insecure=True) == WEIGHTS[:1000]
    assert await registry.read_blob(name, digest_of(b"MIT"), 1000, insecure=True) == b"MIT"
