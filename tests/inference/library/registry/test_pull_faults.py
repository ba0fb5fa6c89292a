"""Connections that are cut, stall and crawl; servers that are overloaded, forget and refuse: the model still arrives."""

import asyncio
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from inference.errors import DigestMismatch, NotEnoughDisk, RegistryError
from inference.library.models import Library
from inference.library.registry.patience import Patience, failure_of
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from tests.docker_registry import DockerRegistry, digest_of, random_bytes
from tests.inference.library.registry.faulty_proxy import (
    Asked,
    FaultyProxy,
    Sent,
    answer,
    cut_after,
    is_blob,
    times,
)
from tests.inference.library.registry.pulling import LAYERS, MIB, WEIGHTS, blob_bytes, leftovers, pull, statuses

PART = 4 * MIB
MODEL = "library/faulty"


@pytest.fixture
def name(docker: DockerRegistry, proxy: FaultyProxy) -> str:
    docker.push(MODEL, "latest", LAYERS)
    return f"{proxy.host}/{MODEL}"


def is_weights(asked: Asked) -> bool:
    return is_blob(asked) and digest_of(WEIGHTS) in asked.target


def sent_of_weights(proxy: FaultyProxy) -> int:
    return proxy.num_sent[f"/v2/{MODEL}/blobs/{digest_of(WEIGHTS)}"]


async def test_large_blob_cut_twenty_times_loses_at_most_one_part_each(
    docker: DockerRegistry, proxy: FaultyProxy, library: Library, pulls: Pulls
) -> None:
    content = random_bytes(100_000_000)
    docker.push("library/cut", "latest", {"model": content})
    chance = random.Random(5)
    proxy.fault = times(20, lambda asked, sent: cut_after(chance.randrange(len(sent.body)))(asked, sent), is_blob)

    await pull(pulls, f"{proxy.host}/library/cut")

    assert blob_bytes(library, digest_of(content)) == content
    sent = proxy.num_sent[f"/v2/library/cut/blobs/{digest_of(content)}"]
    assert len(proxy.blob_requests()) >= 20 + 100_000_000 // PART
    assert len(content) <= sent <= len(content) + 20 * PART


async def test_connection_cut_after_the_head_and_in_the_manifest(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    proxy.fault = times(3, cut_after(0))
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_registry_that_always_cuts_is_given_up_and_what_came_is_kept(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    def only_the_beginning(asked: Asked, sent: Sent) -> Sent:
        return replace(sent, cut=MIB if asked.range in ((0, PART), None) else 0)

    proxy.fault = lambda asked, sent: only_the_beginning(asked, sent) if is_weights(asked) else sent
    with pytest.raises(RegistryError, match="max retries exceeded: the connection to the registry was lost"):
        await pull(pulls, name)
    before = sent_of_weights(proxy)
    assert before == MIB

    proxy.fault = lambda asked, sent: sent
    await pull(pulls, name)
    assert sent_of_weights(proxy) == len(WEIGHTS)


async def test_stalled_part_is_asked_for_again(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    proxy.fault = times(3, lambda asked, sent: replace(sent, stall_at=100_000), is_weights)
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert sent_of_weights(proxy) == len(WEIGHTS)


async def test_slow_answers_only_take_longer(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    async def late(asked: Asked, sent: Sent) -> Sent:
        await asyncio.sleep(0.1)
        return sent

    proxy.fault = late
    await pull(pulls, name)
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert len(proxy.blob_requests()) == 3 + 3


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_server_that_fails_now_and_then_is_asked_again(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str, status: int
) -> None:
    proxy.fault = times(3, answer(status, b"oops"))
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert len(proxy.asked) >= 3 + 7


async def test_server_that_always_fails_is_given_up_with_its_answer(proxy: FaultyProxy, pulls: Pulls, name: str) -> None:
    proxy.fault = lambda asked, sent: answer(502)(asked, sent) if is_blob(asked) else sent
    with pytest.raises(RegistryError, match="max retries exceeded: the registry answers 502 Bad Gateway"):
        await pull(pulls, name)


async def test_too_many_requests_are_repeated_when_the_server_says(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    loop = asyncio.get_running_loop()
    asked_at: list[float] = []

    def note(asked: Asked, sent: Sent) -> Sent:
        if is_weights(asked) and asked.range == (0, PART):
            asked_at.append(loop.time())
            return Sent(429, {"retry-after": "1"}) if len(asked_at) == 1 else sent
        return sent

    proxy.fault = note
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert len(asked_at) == 2
    assert 1.0 <= asked_at[1] - asked_at[0] < 2.5


async def test_corrupted_byte_is_noticed_and_nothing_of_it_stays(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    proxy.fault = lambda asked, sent: replace(sent, body=b"X" + sent.body[1:]) if is_weights(asked) else sent
    with pytest.raises(DigestMismatch, match=f"file must be downloaded again: want {digest_of(WEIGHTS)}, got sha256:"):
        await pull(pulls, name)
    assert leftovers(library) == []
    assert not library.blobs.path(digest_of(WEIGHTS)).exists()
    assert list(library.manifests.names()) == []

    proxy.fault = lambda asked, sent: sent
    assert statuses(await pull(pulls, name))[-1] == "success"


async def test_interrupted_file_that_was_harmed_meanwhile_is_fetched_anew(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    proxy.fault = lambda asked, sent: replace(sent, cut=0) if is_weights(asked) and asked.range != (0, PART) else sent
    with pytest.raises(RegistryError):
        await pull(pulls, name)
    partial = library.blobs.root / f"{library.blobs.path(digest_of(WEIGHTS)).name}-partial"
    with partial.open("r+b") as file:
        file.write(bytes(1000))

    proxy.fault = lambda asked, sent: sent
    await pull(pulls, name)
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert leftovers(library) == []


@pytest.mark.parametrize("harm", ["", "{", '{"N":0,"Offset":0,"Size":5,"Completed":9}', "[]"])
async def test_part_states_that_make_no_sense_are_not_believed(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str, harm: str
) -> None:
    proxy.fault = lambda asked, sent: replace(sent, cut=1000) if is_weights(asked) else sent
    with pytest.raises(RegistryError):
        await pull(pulls, name)
    (state, *_) = sorted(library.blobs.root.glob("*-partial-1"))
    state.write_text(harm)

    proxy.fault = lambda asked, sent: sent
    await pull(pulls, name)
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


def begin_as_ollama(blob: Path, half: int) -> None:
    """Two parts as Ollama keeps them, of which the second has begun."""
    blob.parent.mkdir(parents=True)
    Path(f"{blob}-partial").write_bytes(WEIGHTS[: half + 1000] + bytes(len(WEIGHTS) - half - 1000))
    Path(f"{blob}-partial-0").write_text(f'{{"N":0,"Offset":0,"Size":{half},"Completed":{half}}}\n')
    Path(f"{blob}-partial-1").write_text(f'{{"N":1,"Offset":{half},"Size":{len(WEIGHTS) - half},"Completed":1000}}\n')


async def test_download_that_ollama_began_is_gone_on_with(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    half = len(WEIGHTS) // 2
    begin_as_ollama(library.blobs.path(digest_of(WEIGHTS)), half)

    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert sent_of_weights(proxy) == len(WEIGHTS) - half - 1000
    assert leftovers(library) == []


async def test_server_without_ranges_sends_one_piece(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    cuts = iter([3 * MIB, 5 * MIB])

    def whole(asked: Asked, sent: Sent) -> Sent:
        if not is_weights(asked):
            return sent
        cut = None if asked.range is not None else next(cuts, None)
        return Sent(200, {"content-type": "application/octet-stream"}, WEIGHTS, cut=cut)

    proxy.fault = whole
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert leftovers(library) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """6 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_disk_that_others_fill_up_meanwhile(proxy: FaultyProxy, registry: Registry, small_disk: Path, name: str) -> None:
    library = Library(small_disk)
    pulls = Pulls(library, registry, free=lambda folder: 10**12)
    with pytest.raises(NotEnoughDisk, match="the disk of the models folder is full"):
        await pull(pulls, name)
    assert list(library.manifests.names()) == []
    await pulls.close()


@pytest.mark.parametrize(("value", "seconds"), [("7", 7), ("0", 0), ("-1", None), ("soon", None), ("", None)])
def test_server_says_in_seconds_when_to_come_back(value: str, seconds: float | None) -> None:
    failure = failure_of(httpx.Response(503, headers={"retry-after": value}))

    assert failure is not None
    assert failure.retry_after == seconds


def test_server_says_by_a_date_when_to_come_back() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=30)
    later, earlier = (
        failure_of(httpx.Response(429, headers={"retry-after": format_datetime(when, usegmt=True)}))
        for when in (moment, moment - timedelta(hours=1))
    )

    assert later is not None
    assert later.retry_after == pytest.approx(30, abs=2)
    assert earlier is not None
    assert earlier.retry_after == 0


def test_wait_doubles_up_to_its_longest_and_honours_the_server() -> None:
    patience = Patience()
    waits = [patience.wait_after(failures, None) for failures in range(1, 9)]

    assert all(0.75 * full <= wait <= full for wait, full in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30], strict=True))
    assert [patience.wait_after(1, seconds) for seconds in (0.0, 7.0, 10_000.0)] == [0.0, 7.0, 300.0]
