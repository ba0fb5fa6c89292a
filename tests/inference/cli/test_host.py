import pytest

from inference.cli.host import server_address


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("example.com", "http://example.com:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434"),
        ("'1.2.3.4'", "http://1.2.3.4:11434"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("https://1.2.3.4", "https://1.2.3.4:443"),
        ("https://example.com/ollama", "https://example.com:443/ollama"),
        # What a server may listen on and a client cannot connect to.
        (":1234", "http://127.0.0.1:1234"),
        (":66000", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("https://0.0.0.0:8443", "https://127.0.0.1:8443"),
        ("[::]", "http://[::1]:11434"),
        ("[::]:5000", "http://[::1]:5000"),
    ],
)
def test_where_the_command_connects(value: str, url: str) -> None:
    assert server_address({"OLLAMA_HOST": value}).url == url


@pytest.mark.parametrize(("port", "url"), [("12000", "http://127.0.0.1:12000"), ("no", "http://127.0.0.1:11434")])
def test_port_of_its_own_variable(port: str, url: str) -> None:
    assert server_address({"OLLAMA_PORT": port}).url == url
