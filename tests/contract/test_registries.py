"""Logins of private registries: given once, checked, kept, used, never shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import hearth
from tests.contract.service import Service
from tests.docker_registry import DockerRegistry, running_registry
from tests.inference.library.registry.test_sign_in import ANN, HTPASSWD


@pytest.fixture
def private(tmp_path: Path) -> Iterator[DockerRegistry]:
    with running_registry(tmp_path / "registry", HTPASSWD) as registry:
        registry.headers = {"authorization": ANN}
        registry.push("library/private", "latest", {"model": b"weights"})
        yield registry


def test_login_is_checked_kept_used_and_forgotten(service: Service, private: DockerRegistry) -> None:
    login = {"registry": private.host, "username": "ann", "password": "secret", "insecure": True}
    pull = {"model": f"{private.host}/library/private", "insecure": True, "stream": False}

    refused = service.post("/api/hearth/registries", {**login, "password": "wrong"})
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        f"{private.host} does not accept this user name and password",
    )
    assert "access denied by 127.0.0.1" in service.post("/api/pull", pull).json()["error"]

    shown = {"registry": private.host, "username": "ann", "insecure": True}
    assert service.post("/api/hearth/registries", login).json() == shown
    assert service.post("/api/pull", pull).json() == {"status": "success"}
    with service.client() as client:
        listed = client.get("/api/hearth/registries")
        assert listed.json()["registries"] == [shown]
        assert listed.json()["key"].startswith("ssh-ed25519 ")
        assert "secret" not in listed.text
        assert (service.data / "registries.json").stat().st_mode & 0o777 == 0o600

        gone = client.delete(f"/api/hearth/registries/{private.host}")
        again = client.delete(f"/api/hearth/registries/{private.host}")
        assert (gone.status_code, again.status_code) == (204, 404)
        assert again.json()["error"] == f"no login is kept for {private.host}"
        client.request("DELETE", "/api/delete", json={"model": pull["model"]}).raise_for_status()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"registry": "a b", "password": "x"}, "registry must be a host name"),
        ({"registry": "https://a", "password": "x"}, "registry must be a host name"),
        ({"registry": "a"}, "password is required"),
    ],
)
def test_bad_login_is_refused(service: Service, body: dict[str, object], error: str) -> None:
    response = service.post("/api/hearth/registries", body)

    assert response.status_code == 400
    assert error in response.json()["error"]


def test_command_signs_in_and_out(service: Service, private: DockerRegistry) -> None:
    ann = ("login", private.host, "-u", "ann", "--password-stdin", "--insecure")
    wrong = hearth(service.url, *ann, stdin=b"guess\n")
    signed_in = hearth(service.url, *ann, stdin=b"secret\n")
    pulled = hearth(service.url, "pull", "--insecure", f"{private.host}/library/private")
    signed_out = hearth(service.url, "logout", private.host)
    again = hearth(service.url, "logout", private.host)
    removed = hearth(service.url, "rm", f"{private.host}/library/private")

    assert (wrong.returncode, wrong.stderr) == (1, f"Error: {private.host} does not accept this user name and password\n")
    assert (signed_in.returncode, signed_in.stdout) == (0, f"logged in to '{private.host}'\n")
    assert pulled.returncode == 0
    assert (signed_out.returncode, signed_out.stdout) == (0, f"logged out of '{private.host}'\n")
    assert (again.returncode, again.stderr) == (1, f"Error: no login is kept for {private.host}\n")
    assert removed.returncode == 0


def test_command_refuses_an_empty_password(service: Service) -> None:
    done = hearth(service.url, "login", "registry.example.org", "--password-stdin", stdin=b"\n")

    assert (done.returncode, done.stderr) == (1, "Error: the password or token is empty\n")
