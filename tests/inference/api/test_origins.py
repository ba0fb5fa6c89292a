import pytest

from inference.api.origins import allowed_by, is_known_origin

HOST = "192.168.1.5:11434"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "https://192.168.1.6",
        "ftp://localhost",
        "localhost",
        "http://[::1",
        "http://",
    ],
)
def test_foreign_origin_is_unknown(origin: str) -> None:
    assert not is_known_origin(origin, HOST)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:5173",
        "http://0.0.0.0:8080",
        "http://192.168.1.5:3000",
        "app://obsidian.md",
        "file://",
        "tauri://localhost",
        "vscode-webview://1a2b",
        "chrome-extension://abcdef",
    ],
)
def test_programs_apps_and_pages_of_this_host_are_known(origin: str) -> None:
    assert is_known_origin(origin, HOST)


@pytest.mark.parametrize(
    ("pattern", "origin", "expected"),
    [
        ("*", "https://anything.example", True),
        ("https://chat.example.org", "https://chat.example.org", True),
        ("https://chat.example.org/", "https://CHAT.example.org", True),
        ("https://chat.example.org", "https://chat.example.org.evil.example", False),
        ("https://chat.example.org", "http://chat.example.org", False),
        ("http://*.local", "http://nas.local", True),
        ("http://*.local", "http://nas.local.evil.example", False),
        ("http://192.168.1.9:*", "http://192.168.1.9:3210", True),
        ("http://a.b", "http://axb", False),
    ],
)
def test_origins_of_the_variable_are_allowed(pattern: str, origin: str, expected: bool) -> None:
    assert allowed_by(["https://first.example", pattern])(origin) is expected


def test_no_variable_allows_nobody() -> None:
    assert not allowed_by([])("https://anything.example")
    assert not allowed_by([])("")
