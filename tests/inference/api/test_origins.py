import pytest

from inference.api.origins import is_known_origin

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
