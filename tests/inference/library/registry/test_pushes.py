"""Pushes to a real registry, by itself and behind one that loses things."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from inference.errors import InvalidRequest, ModelNotFound, RegistryError, RegistryRefused
from inference.library.errors import LibraryError
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.progress import Progress
from inference.library.registry.logins import Login
from inference.library.registry.pulls import Pulls
from inference.library.registry.pushes import Pushes
from inference.library.registry.registry import Registry
from tests.docker_registry import DockerRegistry, digest_of, manifest_of, random_bytes
from tests.inference.library.registry.faulty_proxy import LOST, Asked, FaultyProxy, Sent, answer, times
from tests.inference.library.registry.gates import TokenGate
from tests.inference.library.registry.pulling import MIB, manifest_bytes, pull, statuses
from tests.inference.library.registry.test_sign_in import ANN

PASSED = Sent(200, {})


@pytest.fixture
async def pushes(library: Library, registry: Registry) -> AsyncIterator[Pushes]:
    pushes = Pushes(library, registry, chunk_bytes=2 * MIB)
    yield pushes
    await pushes.close()


async def push(pushes: Pushes, name: str, login: Login | None = None) -> list[Progress]:
    return [step async for step in pushes.push(name, insecure=True, login=login)]


def install(library: Library, name: str, layers: dict[str, bytes]) -> bytes:
    """By hand, with a manifest of a form we never write; its bytes."""
    content = manifest_of(layers)
    for blob in (b"{}", *layers.values()):
        library.blobs.add_bytes(blob, "")
    library.manifests.write(parse_name(name), content)
    return content


def layers_of(seed: int, *, size: int = 5 * MIB + 3) -> dict[str, bytes]:
    return {"model": random_bytes(size, seed), "params": b'{"seed":%d}' % seed}


def uploads(proxy: FaultyProxy, method: str = "PATCH") -> list[Asked]:
    return [asked for asked in proxy.asked if asked.method == method and "/uploads/" in asked.target]


async def test_push_wipe_and_pull_give_the_same_bytes(
    docker: DockerRegistry, library: Library, pushes: Pushes, pulls: Pulls
) -> None:
    name, layers = f"{docker.host}/library/there-and-back:v1", layers_of(11)
    content = install(library, name, layers)

    steps = await push(pushes, name)

    assert docker.manifest("library/there-and-back", "v1") == content
    assert [docker.blob("library/there-and-back", digest_of(blob)) for blob in layers.values()] == list(layers.values())
    pushing = [f"pushing {digest_of(blob)[7:19]}" for blob in (*layers.values(), b"{}")]
    assert statuses(steps) == ["retrieving manifest", *pushing, "pushing manifest", "success"]
    weights = [step for step in steps if step.digest == digest_of(layers["model"])]
    assert (weights[-1].completed, weights[-1].total) == (len(layers["model"]),) * 2

    library.delete(parse_name(name), asked=name)
    assert list(library.blobs.root.iterdir()) == []
    await pull(pulls, name)
    assert manifest_bytes(library, name) == content
    assert library.find(parse_name(name), asked=name).digest == hashlib.sha256(content).hexdigest()
    assert library.blobs.path(digest_of(layers["model"])).read_bytes() == layers["model"]


async def test_what_is_there_is_not_sent_again(proxy: FaultyProxy, library: Library, pushes: Pushes) -> None:
    name = f"{proxy.host}/library/again"
    install(library, name, layers_of(12))
    await push(pushes, name)
    sent = len(uploads(proxy))

    steps = await push(pushes, name)

    assert sent == 3 + 1 + 1
    assert len(uploads(proxy)) == sent
    assert statuses(steps)[-1] == "success"


async def test_blob_of_another_model_is_taken_over_without_being_sent(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pushes: Pushes
) -> None:
    layers = layers_of(13)
    for model in ("origin", "taken-over"):
        install(library, f"{proxy.host}/library/{model}", layers)
    await push(pushes, f"{proxy.host}/library/origin")
    proxy.asked.clear()

    await push(pushes, f"{proxy.host}/library/taken-over")

    assert uploads(proxy) == []
    assert docker.blob("library/taken-over", digest_of(layers["model"])) == layers["model"]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
async def test_request_that_is_lost_on_its_way_is_sent_again(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pushes: Pushes, method: str
) -> None:
    layers = layers_of(sum(method.encode()))
    content = install(library, f"{proxy.host}/library/lost-{method.lower()}", layers)
    lose = times(2, lambda asked, sent: LOST, lambda asked: asked.method == method)
    proxy.before = lambda asked: LOST if lose(asked, Sent(200, {})) is LOST else asked

    await push(pushes, f"{proxy.host}/library/lost-{method.lower()}")

    assert docker.manifest(f"library/lost-{method.lower()}", "latest") == content


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
async def test_answer_that_is_lost_does_no_harm(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pushes: Pushes, method: str
) -> None:
    layers = layers_of(1000 + sum(method.encode()))
    content = install(library, f"{proxy.host}/library/unheard-{method.lower()}", layers)
    proxy.fault = times(2, lambda asked, sent: LOST, lambda asked: asked.method == method)

    await push(pushes, f"{proxy.host}/library/unheard-{method.lower()}")

    assert docker.manifest(f"library/unheard-{method.lower()}", "latest") == content


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_busy_registry_is_asked_again(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pushes: Pushes, status: int
) -> None:
    content = install(library, f"{proxy.host}/library/busy-{status}", layers_of(status))
    proxy.fault = times(3, answer(status), lambda asked: asked.method in ("PATCH", "HEAD"))

    await push(pushes, f"{proxy.host}/library/busy-{status}")
    assert docker.manifest(f"library/busy-{status}", "latest") == content


async def test_registry_that_never_answers_is_given_up(proxy: FaultyProxy, library: Library, pushes: Pushes) -> None:
    install(library, f"{proxy.host}/library/never", layers_of(14))
    proxy.fault = lambda asked, sent: LOST if asked.method == "PATCH" else sent
    proxy.before = lambda asked: LOST if asked.method == "PATCH" else asked

    with pytest.raises(RegistryError, match="max retries exceeded"):
        await push(pushes, f"{proxy.host}/library/never")
    assert len(uploads(proxy)) < 30


async def test_harm_on_the_way_is_noticed_by_the_registry(proxy: FaultyProxy, library: Library, pushes: Pushes) -> None:
    install(library, f"{proxy.host}/library/harmed", layers_of(15))
    proxy.before = lambda asked: replace(asked, body=b"X" + asked.body[1:]) if asked.method == "PATCH" else asked

    with pytest.raises(RegistryError, match="answers 400: provided digest did not match uploaded content"):
        await push(pushes, f"{proxy.host}/library/harmed")


async def test_chunks_go_to_the_store_the_registry_names(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pushes: Pushes
) -> None:
    """As Ollama's registry does: it answers a chunk with the address of a store, which gets no authorization of ours."""
    layers = layers_of(16)
    content = install(library, f"{proxy.host}/library/stored", layers)
    waiting: dict[str, Asked] = {}

    async with FaultyProxy(docker.url) as store:

        def send_to_store(asked: Asked) -> Asked | Sent:
            if asked.method != "PATCH":
                return asked
            assert asked.headers["x-redirect-uploads"] == "1"
            number = str(len(waiting))
            waiting[number] = asked
            return Sent(307, {"location": f"{store.url}/put/{number}", "docker-upload-location": "to be filled in"})

        async def put_through(asked: Asked, sent: Sent) -> Sent:
            if asked.method != "PATCH":
                return sent
            # The real registry gets the chunk now, so that it knows where the next one goes.
            stored = await proxy._pass_on(waiting[str(len(waiting) - 1)])
            return replace(sent, headers={**sent.headers, "docker-upload-location": stored.headers["location"]})

        proxy.before, proxy.fault = send_to_store, put_through
        store.before = lambda asked: Sent(200, {})
        await push(pushes, f"{proxy.host}/library/stored")

        assert docker.manifest("library/stored", "latest") == content
        assert [asked.body for asked in store.asked] == [asked.body for asked in waiting.values()]
        assert [asked.headers for asked in store.asked if "authorization" in asked.headers] == []


async def test_token_with_the_login_of_the_request(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pushes: Pushes
) -> None:
    content = install(library, f"{proxy.host}/library/mine", layers_of(17))
    gate = TokenGate(f"{proxy.url}/token", uses=3, wants=ANN)
    # Whoever has no token is turned away before anything is passed on.
    proxy.before = lambda asked: refused if (refused := gate(asked, PASSED)) is not PASSED else asked

    with pytest.raises(RegistryRefused, match=r"access denied by 127.0.0.1"):
        await push(pushes, f"{proxy.host}/library/mine", Login("ann", "wrong"))
    await push(pushes, f"{proxy.host}/library/mine", Login("ann", "secret"))

    assert docker.manifest("library/mine", "latest") == content
    assert len(gate.given_for) >= 4


async def test_unknown_model_is_not_found_and_nothing_is_asked(proxy: FaultyProxy, pushes: Pushes) -> None:
    with pytest.raises(ModelNotFound, match=r"model '.*/library/nothing' not found"):
        await push(pushes, f"{proxy.host}/library/nothing")
    assert proxy.asked == []


async def test_model_that_lacks_a_blob_is_not_pushed(proxy: FaultyProxy, library: Library, pushes: Pushes) -> None:
    layers = layers_of(18)
    install(library, f"{proxy.host}/library/half", layers)
    library.blobs.path(digest_of(layers["params"])).unlink()

    with pytest.raises(LibraryError, match="params blob is missing"):
        await push(pushes, f"{proxy.host}/library/half")
    assert proxy.asked == []


@pytest.mark.parametrize(("name", "reason"), [("", "invalid model name"), ("http://x/y/z", "insecure protocol http")])
async def test_bad_name_is_refused(pushes: Pushes, name: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        _: Any = [step async for step in pushes.push(name)]
