import http.client
import socket

import pytest

from inference.address import Address
from webui.env import ConfigurationError
from webui.supervisor.listener import check_free, open_listener


@pytest.fixture
def taken_port() -> "int":
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_web_port_in_use_is_named_with_the_way_out(taken_port: int) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        open_listener("127.0.0.1", taken_port)

    assert str(refusal.value).startswith(f"Port {taken_port} on 127.0.0.1 is already in use. Stop the program that uses it")
    assert "HEARTH_PORT=" in str(refusal.value)


def test_a_runtime_port_in_use_is_named_with_the_way_out(taken_port: int) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        check_free(Address("http", "127.0.0.1", taken_port))

    assert str(refusal.value).startswith(f"Port {taken_port} on 127.0.0.1 is already in use.")
    assert "OLLAMA_HOST=127.0.0.1:" in str(refusal.value)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "name.invalid"])
def test_a_foreign_address_is_refused_by_name(host: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        open_listener(host, 8123)

    assert str(refusal.value) == f"HEARTH_HOST names {host!r}, which is not an address of this machine."


def test_a_foreign_runtime_address_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        check_free(Address("http", "192.0.2.1", 8123))

    assert str(refusal.value) == "OLLAMA_HOST names '192.0.2.1', which is not an address of this machine."


def test_connections_wait_until_somebody_serves_them(taken_port: int) -> None:
    with open_listener("127.0.0.1", 0) as listener:
        waiting = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
        waiting.request("GET", "/")
        accepted, _ = listener.accept()
        with accepted:
            accepted.recv(1000)
            accepted.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        assert waiting.getresponse().status == 204
        waiting.close()
