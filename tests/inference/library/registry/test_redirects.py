"""Registries that send us elsewhere."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inference.errors import RegistryError
from inference.library.models import Library
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from inference.library.registry.repository import same_origin
from tests.docker_registry import DockerRegistry, digest_of
from tests.inference.library.registry.conftest import QUICK
from tests.inference.library.registry.faulty_proxy import LOST, Asked, Fault, FaultyProxy, Sent, answer, is_blob, times
from tests.inference.library.registry.gates import TokenGate
from tests.inference.library.registry.pulling import LAYERS, WEIGHTS, blob_bytes, pull, statuses

MODEL = "library/gated"


@pytest.fixture
def name(docker: DockerRegistry, proxy: FaultyProxy) -> str:
    docker.push(MODEL, "latest", LAYERS)
    return f"{proxy.host}/{MODEL}"


@pytest.fixture
async def store(docker: DockerRegistry) -> AsyncIterator[FaultyProxy]:
    """Another host, where the blobs really lie."""
    async with FaultyProxy(docker.url) as store:
        yield store


def send_blobs_to(url: str) -> Fault:
    def redirect(asked: Asked, sent: Sent) -> Sent:
        return Sent(307, {"location": f"{url}{asked.target}?signed=1"}) if is_blob(asked) else sent

    return redirect


def numbered(url: str) -> Fault:
    """The same with an address that nobody got before, so that one that is used again is known by that."""
    numbers = count(1)

    def redirect(asked: Asked, sent: Sent) -> Sent:
        return Sent(307, {"location": f"{url}{asked.target}?signed={next(numbers)}"}) if is_blob(asked) else sent

    return redirect


async def test_other_host_gets_the_request_and_not_who_asks(
    proxy: FaultyProxy, store: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    gate, redirect = TokenGate(f"{proxy.url}/token"), send_blobs_to(store.url)
    proxy.fault = lambda asked, sent: redirect(asked, sent) if gate(asked, sent) is sent else gate(asked, sent)

    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert store.asked != []
    assert [asked.headers["authorization"] for asked in store.asked if "authorization" in asked.headers] == []
    assert all("authorization" in asked.headers for asked in proxy.asked[2:] if asked.is_blob)
    assert {asked.target.partition("?")[2] for asked in store.asked} == {"signed=1"}


async def test_address_at_the_other_host_that_expires_is_asked_for_anew(
    proxy: FaultyProxy, store: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    seen: set[str] = set()
    expired: list[str] = []

    def expire(asked: Asked, sent: Sent) -> Sent:
        """An address that is used again has expired, once; what is cut short is asked for again."""
        if asked.target in seen and not expired:
            expired.append(asked.target)
            return Sent(403, {}, b"<Error>Request has expired</Error>")
        seen.add(asked.target)
        return replace(sent, cut=1_000_000) if not expired else sent

    proxy.fault, store.fault = numbered(store.url), expire
    await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert len(expired) == 1


@pytest.mark.parametrize("status", [400, 410, 429, 503, 522])
async def test_other_host_that_fails_for_a_moment_does_not_end_the_pull(
    proxy: FaultyProxy, store: FaultyProxy, library: Library, pulls: Pulls, name: str, status: int
) -> None:
    seen: set[str] = set()
    failed: list[str] = []

    def fail(asked: Asked, sent: Sent) -> Sent:
        """Once, where an address is used again; what is cut short is asked for again."""
        if asked.target in seen and not failed:
            failed.append(asked.target)
            return Sent(status, {"retry-after": "0"}, b"<Error>ExpiredToken</Error>")
        seen.add(asked.target)
        return sent if failed else replace(sent, cut=1_000_000)

    store.fault = fail
    proxy.fault = numbered(store.url)
    await pull(pulls, name)

    assert len(failed) == 1
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_other_host_that_is_gone_is_not_asked_for_ever(
    docker: DockerRegistry, proxy: FaultyProxy, store: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    """The registry may know another one by now."""
    async with FaultyProxy(docker.url) as leaving:
        places = [leaving.url]
        proxy.fault = lambda asked, sent: send_blobs_to(places[0])(asked, sent)
        seen: set[str] = set()

        def leave(asked: Asked, sent: Sent) -> Sent:
            if asked.target not in seen and places == [leaving.url]:
                seen.add(asked.target)
                return replace(sent, cut=1_000_000)
            places[0] = store.url
            return LOST

        leaving.fault = leave
        await pull(pulls, name)

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert store.asked != []


async def test_redirect_within_the_host_keeps_who_asks(proxy: FaultyProxy, library: Library, pulls: Pulls, name: str) -> None:
    gate = TokenGate(f"{proxy.url}/token")

    def move(asked: Asked, sent: Sent) -> Sent:
        if is_blob(asked) and "?" not in asked.target:
            return Sent(302, {"location": f"{asked.target}?moved=1"})
        return gate(asked, sent)

    proxy.fault = move
    await pull(pulls, name)
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


@pytest.mark.parametrize("location", ["", "/v2/{path}", "file:///etc/passwd", "ftp://x/y", "http://[::1", "//"])
async def test_redirect_to_nowhere_is_refused(proxy: FaultyProxy, pulls: Pulls, name: str, location: str) -> None:
    proxy.fault = lambda asked, sent: Sent(307, {"location": location or asked.target}) if is_blob(asked) else sent
    with pytest.raises(RegistryError):
        await pull(pulls, name)
    assert len(proxy.blob_requests()) < 60


@pytest.mark.parametrize(
    ("url", "origin", "is_same"),
    [
        ("https://a/x", "https://a", True),
        ("https://a/x", "http://a", True),
        ("http://a/x", "https://a", False),
        ("https://a:444/x", "https://a", False),
        ("http://a:80/x", "http://a", True),
        ("https://b/x", "https://a", False),
        ("https://a.b/x", "https://b", False),
    ],
)
def test_who_asks_is_told_to_one_origin(url: str, origin: str, is_same: bool) -> None:
    assert same_origin(httpx.URL(url), httpx.URL(origin)) is is_same


def self_signed(folder: Path) -> ssl.SSLContext:
    """For 127.0.0.1, by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def test_certificate_of_nobody_is_good_for_insecure_pulls_only(
    docker: DockerRegistry, tmp_path: Path, library: Library, pulls: Pulls
) -> None:
    docker.push("library/tls", "latest", LAYERS)
    async with FaultyProxy(docker.url, self_signed(tmp_path)) as proxy:
        with pytest.raises(RegistryError, match="certificate verify failed"):
            _ = [step async for step in pulls.pull(f"{proxy.host}/library/tls")]
        assert proxy.asked == []

        assert statuses(await pull(pulls, f"{proxy.host}/library/tls"))[-1] == "success"
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_verified_registry_may_not_send_us_to_plain_http(
    docker: DockerRegistry, tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    docker.push("library/tls", "latest", LAYERS)
    registry = Registry(tmp_path, patience=QUICK)
    pulls = Pulls(library, registry)
    async with FaultyProxy(docker.url, context) as proxy, FaultyProxy(docker.url) as plain:
        proxy.fault = times(1, send_blobs_to(plain.url), is_blob)
        with pytest.raises(RegistryError, match="sends us to an insecure address"):
            _ = [step async for step in pulls.pull(f"{proxy.host}/library/tls")]
        assert plain.asked == []
        proxy.fault = answer(401, b"{}", www_authenticate=f'Bearer realm="{plain.url}/token"')
        with pytest.raises(RegistryError, match="sign-in over an insecure connection"):
            _ = [step async for step in pulls.pull(f"{proxy.host}/library/tls:other")]
        assert plain.asked == []
    await pulls.close()
    await registry.close()


async def test_proxy_of_the_environment_is_used(
    docker: DockerRegistry, proxy: FaultyProxy, tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker.push("library/far", "latest", LAYERS)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    registry = Registry(tmp_path, patience=QUICK)
    pulls = Pulls(library, registry)

    steps = await pull(pulls, "http://registry.invalid/library/far")

    assert statuses(steps)[-1] == "success"
    assert {asked.target.partition("/v2/")[0] for asked in proxy.asked} == {"http://registry.invalid"}
    await pulls.close()
    await registry.close()
