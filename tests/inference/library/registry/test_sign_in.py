"""Registries that want to know who asks."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.errors import RegistryError, RegistryRefused
from inference.library.models import Library
from inference.library.registry.identity import Identity
from inference.library.registry.logins import Login, Logins
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from inference.library.registry.remote_name import parse_remote_name
from tests.docker_registry import DockerRegistry, digest_of, running_registry
from tests.inference.library.registry.faulty_proxy import FaultyProxy, answer
from tests.inference.library.registry.gates import TokenGate
from tests.inference.library.registry.pulling import LAYERS, WEIGHTS, blob_bytes, pull, statuses

#: "secret", by bcrypt.
HTPASSWD = "ann:$2b$04$5G4XI../t4dnGbeYFergj.920PpDH5JhDe8.UluczA1iun6ryHKdi\n"
ANN = "Basic " + base64.b64encode(b"ann:secret").decode()


@pytest.fixture(scope="module")
def private_docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Wants a user name and a password, by Basic."""
    with running_registry(tmp_path_factory.mktemp("private"), HTPASSWD) as registry:
        registry.headers = {"authorization": ANN}
        registry.push("library/private", "latest", LAYERS)
        yield registry


@pytest.fixture
def name(docker: DockerRegistry, proxy: FaultyProxy) -> str:
    docker.push("library/gated", "latest", LAYERS)
    return f"{proxy.host}/library/gated"


async def pull_as(pulls: Pulls, name: str, login: Login | None) -> list[str]:
    return statuses([step async for step in pulls.pull(name, insecure=True, login=login)])


async def test_basic_with_the_login_of_the_request(private_docker: DockerRegistry, library: Library, pulls: Pulls) -> None:
    name = f"{private_docker.host}/library/private"
    with pytest.raises(RegistryRefused, match=r"pull model manifest: access denied by 127.0.0.1: it asks for a user name"):
        await pull(pulls, name)
    with pytest.raises(RegistryRefused, match=r"pull model manifest: access denied by 127.0.0.1 \(401\)"):
        await pull_as(pulls, name, Login("ann", "wrong"))

    assert (await pull_as(pulls, name, Login("ann", "secret")))[-1] == "success"
    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS


async def test_kept_login_is_for_secure_connections_unless_it_says_otherwise(
    private_docker: DockerRegistry, registry: Registry, pulls: Pulls
) -> None:
    name = f"{private_docker.host}/library/private"
    registry.logins.keep(private_docker.host, Login("ann", "secret"))
    with pytest.raises(RegistryRefused, match="asks for a user name"):
        await pull(pulls, name)

    registry.logins.keep(private_docker.host, Login("ann", "secret", insecure=True))
    assert statuses(await pull(pulls, name))[-1] == "success"


async def test_token_is_fetched_with_the_password_and_anew_when_it_expires(
    proxy: FaultyProxy, library: Library, pulls: Pulls, name: str
) -> None:
    proxy.fault = gate = TokenGate(f"{proxy.url}/token", uses=2, wants=ANN)

    assert (await pull_as(pulls, name, Login("ann", "secret")))[-1] == "success"

    assert blob_bytes(library, digest_of(WEIGHTS)) == WEIGHTS
    assert len(gate.given_for) >= 3
    assert set(gate.given_for) == {ANN}
    assert set(gate.scopes) == {"repository:library/gated:pull"}


async def test_wrong_password_is_refused_before_anything_is_fetched(proxy: FaultyProxy, pulls: Pulls, name: str) -> None:
    proxy.fault = TokenGate(f"{proxy.url}/token", wants=ANN)
    with pytest.raises(RegistryRefused, match=r"access denied by 127.0.0.1: it does not accept who asks"):
        await pull_as(pulls, name, Login("ann", "wrong"))


async def test_key_signs_for_a_token_as_ollama_does(proxy: FaultyProxy, registry: Registry, pulls: Pulls, name: str) -> None:
    proxy.fault = gate = TokenGate(f"{proxy.url}/token", wants="signature")

    assert statuses(await pull(pulls, name))[-1] == "success"

    (shown,) = gate.given_for
    assert shown.partition(":")[0] == registry.identity.public_key.split()[1]


async def test_key_is_not_shown_elsewhere(docker: DockerRegistry, proxy: FaultyProxy, pulls: Pulls, name: str) -> None:
    async with FaultyProxy(docker.url) as elsewhere:
        proxy.fault = elsewhere.fault = gate = TokenGate(f"{elsewhere.url}/token")
        assert statuses(await pull(pulls, name))[-1] == "success"

    assert gate.given_for == [""]


async def test_registry_that_knows_no_keys_is_asked_without(proxy: FaultyProxy, pulls: Pulls, name: str) -> None:
    gate = TokenGate(f"{proxy.url}/token")

    def refuses_keys(asked, sent):  # type: ignore[no-untyped-def]
        is_token = asked.target.startswith("/token")
        return answer(401)(asked, sent) if is_token and "authorization" in asked.headers else gate(asked, sent)

    proxy.fault = refuses_keys
    assert statuses(await pull(pulls, name))[-1] == "success"


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ("", r"access denied by 127.0.0.1 \(401\)"),
        ("Negotiate", r"access denied by 127.0.0.1 \(401\)"),
        ("Bearer", "names no place to sign in at"),
        ('Bearer realm="file:///etc/passwd"', "names no place to sign in at"),
        ('Bearer realm="http://[::1"', "names no place to sign in at"),
        ('Bearer realm="{url}/empty"', "token cannot be read"),
        ('Bearer realm="{url}/long"', "answer is too long"),
        ('Bearer realm="{url}/lines"', "token cannot be read"),
        ('Bearer realm="{url}/missing"', "gives no token"),
    ],
)
async def test_hostile_challenge_is_refused(proxy: FaultyProxy, pulls: Pulls, name: str, challenge: str, reason: str) -> None:
    tokens = {"/empty": b"{}", "/long": b" " * 300_000, "/lines": json.dumps({"token": "a\r\nx-evil: 1"}).encode()}

    def refuse(asked, sent):  # type: ignore[no-untyped-def]
        path = asked.target.partition("?")[0]
        if path in tokens:
            return answer(200, tokens[path])(asked, sent)
        if path == "/missing":
            return answer(404)(asked, sent)
        headers = {"www_authenticate": challenge.replace("{url}", proxy.url)} if challenge else {}
        return answer(401, b"{}", **headers)(asked, sent)

    proxy.fault = refuse
    with pytest.raises(RegistryError, match=reason):
        await pull(pulls, name)


async def test_token_of_hugging_face_comes_from_the_environment(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "registries.json", {"HF_TOKEN": " hf_abc "})

    assert logins.find("hf.co") == logins.find("HuggingFace.co") == Login(password="hf_abc")
    assert logins.find("registry.ollama.ai") is None
    logins.keep("hf.co", Login(password="other"))
    assert logins.find("hf.co") == logins.find("huggingface.co") == Login(password="other")
    assert parse_remote_name("hf.co/a/b:Q4_K_M").origin == "https://huggingface.co"


def test_logins_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "registries.json"
    logins = Logins(path, {})
    logins.keep("Registry.Example.org:5000", Login("ann", "sécret"))

    assert path.stat().st_mode & 0o777 == 0o600
    assert Logins(path, {}).find("registry.example.org:5000") == Login("ann", "sécret")
    assert "sécret" not in repr(Login("ann", "sécret"))
    assert (logins.forget("registry.example.org:5000"), logins.forget("registry.example.org:5000")) == (True, False)
    path.write_text("{")
    with pytest.raises(RegistryError, match=r"registries.json in the data folder"):
        logins.find("x")


def test_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    key = Identity(path).public_key

    assert key.startswith("ssh-ed25519 AAAA")
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "id_ed25519.pub").read_text() == key + "\n"
    assert Identity(path).public_key == key
    path.write_text("garbage")
    with pytest.raises(RegistryError, match="cannot be read"):
        _ = Identity(path).public_key
