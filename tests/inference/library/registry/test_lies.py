"""Registries that say what is not so."""

import json
from dataclasses import replace
from typing import Any

import pytest

from inference.errors import DigestMismatch, NotInRegistry, RegistryError
from inference.library.models import Library
from inference.library.registry.pulls import Pulls
from tests.docker_registry import DockerRegistry, digest_of, manifest_of
from tests.inference.library.registry.faulty_proxy import Asked, FaultyProxy, Sent, answer, is_blob, is_manifest, times
from tests.inference.library.registry.pulling import LAYERS, MIB, WEIGHTS, blob_bytes, leftovers, pull

MODEL = "library/lying"


@pytest.fixture
def name(docker: DockerRegistry, proxy: FaultyProxy) -> str:
    docker.push(MODEL, "latest", LAYERS)
    return f"{proxy.host}/{MODEL}"


def manifest_with(**changes: Any) -> bytes:
    """Of one layer, `changes` being to that layer."""
    manifest = json.loads(manifest_of({"model": b"x"}))
    manifest["layers"][0].update(changes)
    return json.dumps(manifest).encode()


def with_config(**changes: Any) -> bytes:
    manifest = json.loads(manifest_of({"model": b"x"}))
    manifest["config"].update(changes)
    return json.dumps(manifest).encode()


TEMPLATE = "application/vnd.ollama.image.template"
DIGEST = digest_of(b"{}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no model manifest"),
        (b"<html>", "is no model manifest"),
        (b"[" * 100_000, "is no model manifest"),
        (b'{"manifests":[]}', "is no model manifest"),
        (b"\xff" * 100, "is no model manifest"),
        (b" " * (4 * MIB + 1), "too long"),
        (manifest_with(digest="sha256:../../../../etc/passwd"), "invalid digest"),
        (manifest_with(digest="sha256:" + "A" * 64), "invalid digest"),
        (manifest_with(digest="sha256-" + "a" * 64), "invalid digest"),
        (manifest_with(digest="md5:" + "a" * 64), "invalid digest"),
        (manifest_with(size=-1), "is no model manifest"),
        (manifest_with(size=2**63), "is no model manifest"),
        (manifest_with(size=2**60), "impossible size"),
        (manifest_with(size="1"), "is no model manifest"),
        (manifest_with(size=5 * MIB, mediaType=TEMPLATE), "impossible size"),
        (manifest_with(digest=DIGEST, size=3), "two sizes"),
        (with_config(size=5 * MIB), "config is too large"),
        (with_config(digest="x/../y"), "invalid digest"),
    ],
)
async def test_manifest_that_is_none_is_refused_before_anything_is_fetched(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str, content: bytes, reason: str
) -> None:
    proxy.fault = lambda asked, sent: Sent(200, {}, content) if is_manifest(asked) else sent
    with pytest.raises(RegistryError, match=reason):
        await pull(pulls, name)
    assert proxy.blob_requests() == []
    assert list(library.models_dir.rglob("*")) == []


async def test_manifest_that_is_not_what_the_head_says(proxy: FaultyProxy, pulls: Pulls, name: str) -> None:
    proxy.fault = lambda asked, sent: replace(sent, body=manifest_of({"model": b"x"})) if is_manifest(asked) else sent
    with pytest.raises(DigestMismatch, match="manifest is not what the registry says"):
        await pull(pulls, name)


def total_in_range(total: int) -> Any:
    def lie(asked: Asked, sent: Sent) -> Sent:
        assert asked.range is not None
        start, end = asked.range
        return replace(sent, headers={**sent.headers, "content-range": f"bytes {start}-{end - 1}/{total}"})

    return lie


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (total_in_range(12), f"has 12 bytes, and its manifest says {len(WEIGHTS)}"),
        (answer(416), "is shorter than its manifest says"),
        (answer(404), "does not have the blob"),
        (answer(403, b'{"errors":[{"code":"DENIED","message":"not\nyours\\u001b[31m"}]}'), r"access denied .* \(403\)"),
        (answer(418, b'{"error":"a teapot"}'), "answers 418: a teapot"),
        (lambda asked, sent: Sent(200, {}, b"short"), f"has 5 bytes, and its manifest says {len(WEIGHTS)}"),
        (lambda asked, sent: replace(sent, headers={**sent.headers, "content-encoding": "br"}), "another form"),
        (
            lambda asked, sent: replace(sent, headers={**sent.headers, "content-range": "bytes 5-6/7x"}),
            "another part|max retries",
        ),
        (lambda asked, sent: replace(sent, body=b""), "sends nothing"),
    ],
)
async def test_blob_that_is_not_as_promised_is_refused(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str, fault: Any, reason: str
) -> None:
    proxy.fault = lambda asked, sent: fault(asked, sent) if is_blob(asked) and digest_of(WEIGHTS) in asked.target else sent
    with pytest.raises(RegistryError, match=reason):
        await pull(pulls, name)
    assert not library.blobs.path(digest_of(WEIGHTS)).exists()
    assert list(library.manifests.names()) == []


async def test_more_than_was_asked_for_is_cut_off(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    proxy.fault = lambda asked, sent: replace(sent, body=sent.body + b"more" * 1000) if is_blob(asked) else sent
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert leftovers(library) == []


async def test_less_than_was_asked_for_is_gone_on_with(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    def less(asked: Asked, sent: Sent) -> Sent:
        if asked.range is None or not is_blob(asked):
            return sent
        body = sent.body[: max(len(sent.body) // 2, MIB)]
        start, total = asked.range[0], sent.headers["content-range"].rpartition("/")[2]
        return replace(sent, body=body, headers={"content-range": f"bytes {start}-{start + len(body) - 1}/{total}"})

    proxy.fault = less
    await pull(pulls, name)
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_part_that_begins_elsewhere_is_not_written(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    def elsewhere(asked: Asked, sent: Sent) -> Sent:
        return replace(sent, headers={**sent.headers, "content-range": f"bytes 1-{len(sent.body)}/{len(WEIGHTS)}"})

    proxy.fault = times(2, elsewhere, lambda asked: is_blob(asked) and digest_of(WEIGHTS) in asked.target)
    await pull(pulls, name)
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_one_lying_manifest_does_not_harm_the_pull_of_another(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    lying = json.loads(manifest_of({"model": WEIGHTS}))
    lying["layers"][0]["size"] = 1000
    proxy.fault = lambda asked, sent: Sent(200, {}, json.dumps(lying).encode()) if is_manifest(asked) else sent
    with pytest.raises(RegistryError, match=f"has {len(WEIGHTS)} bytes, and its manifest says 1000"):
        await pull(pulls, name)

    await pull(pulls, f"{docker.host}/{MODEL}")
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_missing_tag_is_missing(docker: DockerRegistry, pulls: Pulls, name: str) -> None:
    with pytest.raises(NotInRegistry):
        await pull(pulls, f"{docker.host}/{MODEL}:other")
