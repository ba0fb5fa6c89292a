"""Where things lie below the one data directory, `HEARTH_DATA`. Imports no Django: the supervisor uses it too."""

from pathlib import Path

from webui.env import env_path

BASE_DIR = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    return env_path("HEARTH_DATA", BASE_DIR / "data")


def secret_key_path() -> Path:
    return data_dir() / "secret_key"


def static_root() -> Path:
    return data_dir() / "static"


def run_dir() -> Path:
    """Sockets and process status files: nothing in it outlives a run."""
    return data_dir() / "run"


def inference_socket_path() -> Path:
    return run_dir() / "inference.sock"


def inference_status_path() -> Path:
    """JSON written by the supervisor: `{"state": "starting|ready|restarting|failed", "cause": str}`."""
    return run_dir() / "inference.status.json"
