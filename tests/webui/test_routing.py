import os
import subprocess
import sys
from typing import Any

import pytest

from webui.routing import mounted


def test_mount_point_named_by_a_client_is_passed_over() -> None:
    scope = mounted({"type": "http", "path": "/accounts/", "root_path": "//elsewhere.example"})

    assert (scope["root_path"], scope["path"]) == ("", "/accounts/")


@pytest.mark.parametrize("path", ["/hearth/c/1/", "/c/1/"])
def test_mount_point_stands_once_in_the_path(settings: Any, path: str) -> None:
    settings.SCRIPT_NAME = "/hearth"

    scope = mounted({"type": "websocket", "path": path, "root_path": ""})

    assert (scope["root_path"], scope["path"]) == ("/hearth", "/hearth/c/1/")


@pytest.mark.parametrize("name", ["hearth", "//elsewhere.example", "/a b", "https://host/hearth", '/"><script>'])
def test_mount_point_that_is_no_path_is_refused_by_name(name: str) -> None:
    command = [sys.executable, "-c", "import webui.settings"]
    ended = subprocess.run(command, env={**os.environ, "HEARTH_SCRIPT_NAME": name}, capture_output=True, text=True, check=False)

    assert ended.returncode != 0
    assert "HEARTH_SCRIPT_NAME must be a path such as /hearth" in ended.stderr
