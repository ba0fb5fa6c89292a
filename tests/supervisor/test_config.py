from pathlib import Path

import pytest

from webui.env import ConfigurationError
from webui.supervisor.config import read_config


@pytest.fixture(autouse=True)
def short_data_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_DATA", "/tmp/hearth")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HEARTH_PORT", "http", "HEARTH_PORT must be a whole number, not 'http'."),
        ("HEARTH_PORT", "70000", "HEARTH_PORT must be between 1 and 65535, not 70000."),
        ("HEARTH_PORT", "0", "HEARTH_PORT must be between 1 and 65535, not 0."),
        (
            "OLLAMA_HOST",
            "127.0.0.1:eleven",
            "OLLAMA_HOST must be an address such as 127.0.0.1:11434 or 0.0.0.0, not '127.0.0.1:eleven'.",
        ),
        ("OLLAMA_HOST", ":99999", "OLLAMA_HOST must be an address such as 127.0.0.1:11434 or 0.0.0.0, not ':99999'."),
        (
            "HEARTH_INFERENCE_URL",
            "gpu:11434",
            "HEARTH_INFERENCE_URL must begin with unix:, http:// or https://, not 'gpu:11434'.",
        ),
    ],
)
def test_a_malformed_variable_is_refused_by_name(name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as refusal:
        read_config()

    assert str(refusal.value) == sentence


def test_a_data_path_too_long_for_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_DATA", "/tmp/" + "d" * 100)

    with pytest.raises(ConfigurationError, match=r"^HEARTH_DATA is too long a path for a Unix socket: .* is over 103 bytes\.$"):
        read_config()


def test_defaults_listen_on_this_machine_only() -> None:
    config = read_config()

    assert (config.host, config.port, config.url) == ("127.0.0.1", 3000, "http://localhost:3000")
    assert (config.runtime_address.host, config.runtime_address.port) == ("127.0.0.1", 11434)
    assert (config.data_dir, config.runtime_url) == (Path("/tmp/hearth"), "")


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("0.0.0.0", "0.0.0.0", 11434),
        ("0.0.0.0:8080", "0.0.0.0", 8080),
        ("http://10.0.0.1:8080/", "10.0.0.1", 8080),
        ("https://example.org", "example.org", 443),
        ("[::1]:8080", "::1", 8080),
        ("::1", "::1", 11434),
    ],
)
def test_ollama_host_is_read_in_each_of_its_forms(value: str, host: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", value)

    address = read_config().runtime_address

    assert (address.host, address.port) == (host, port)


def test_a_runtime_elsewhere_is_used_in_place_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_INFERENCE_URL", "http://gpu:11434")

    assert read_config().runtime_url == "http://gpu:11434"


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://localhost:3000"), ("10.0.0.1", "http://10.0.0.1:3000"), ("fd00::1", "http://[fd00::1]:3000")],
)
def test_the_url_is_what_a_person_types(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTH_HOST", host)

    assert read_config().url == url
