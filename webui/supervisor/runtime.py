"""The model runtime: a failure of it is shown on the page, and the site stays up."""

import sys
from collections.abc import Mapping

from webui.paths import inference_socket_path, inference_status_path
from webui.supervisor.config import ServeConfig
from webui.supervisor.listener import check_free
from webui.supervisor.output import write_line
from webui.supervisor.probe import Endpoint
from webui.supervisor.service import Service
from webui.supervisor.status_file import write_status


class RuntimeService(Service):
    """Writes its state where the web process looks for it (`paths.inference_status_path`)."""

    name = "runtime"
    title = "model runtime"

    def on_starting(self) -> None:
        if not self.failure:
            write_status(inference_status_path(), "starting")

    def on_ready(self) -> None:
        write_status(inference_status_path(), "ready")

    def on_restarting(self, cause: str) -> None:
        if not self.failure:
            write_status(inference_status_path(), "restarting", cause)

    def on_failed(self, cause: str) -> None:
        write_status(inference_status_path(), "failed", cause)
        write_line("hearth", f"ERROR: The model runtime could not start: {cause}")
        write_line("hearth", f"It is tried again every {self.timing.slow_retry:g} s, or at once after SIGHUP.")


def runtime_service(config: ServeConfig, env: Mapping[str, str]) -> RuntimeService | None:
    """The service, or None when `HEARTH_INFERENCE_URL` names a runtime elsewhere.

    Raises ConfigurationError when its port is taken, most often by an Ollama already running here.
    """
    if config.runtime_url:
        inference_status_path().unlink(missing_ok=True)
        return None
    if not config.api_keys_required:
        check_free(config.runtime_address)
    inference_socket_path().unlink(missing_ok=True)
    endpoint = Endpoint("/", socket_path=inference_socket_path())
    return RuntimeService([sys.executable, "-m", "inference", "serve"], endpoint, env)
