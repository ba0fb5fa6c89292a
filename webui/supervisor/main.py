"""`manage.py serve`: check, prepare, start, watch, stop."""

import asyncio
import os
import sys
from contextlib import ExitStack

from webui.env import ConfigurationError
from webui.paths import BASE_DIR, data_dir
from webui.supervisor.bootstrap import run_bootstrap
from webui.supervisor.config import ServeConfig, read_config
from webui.supervisor.data_directory import held_data_directory, prepare_data_directory
from webui.supervisor.house import keep_house
from webui.supervisor.output import write_line
from webui.supervisor.runtime import runtime_service
from webui.supervisor.secret_key import ensure_secret_key
from webui.supervisor.service import Service
from webui.supervisor.stamp import needs_bootstrap
from webui.supervisor.web import web_service

MISCONFIGURED = 2


def serve() -> int:
    """Run Hearth until it is told to stop. The exit code: 0 stopped, 1 could not start, 2 misconfigured."""
    # The runtime reads the variable for itself: both shall mean the same folder, wherever each of them works.
    os.environ["HEARTH_DATA"] = str(data_dir())
    os.chdir(BASE_DIR)
    try:
        config = read_config()
        prepare_data_directory()
        with held_data_directory():
            ensure_secret_key()
            return asyncio.run(_serve(config))
    except ConfigurationError as error:
        print(f"Hearth cannot start. {error}", file=sys.stderr)  # noqa: T201
        return MISCONFIGURED


async def _serve(config: ServeConfig) -> int:
    env = os.environ.copy()
    web, listeners = web_service(config, env)
    services: list[Service] = [web]
    with ExitStack() as opened:
        for listener in listeners:
            opened.enter_context(listener)
        if runtime := runtime_service(config, env):
            services.append(runtime)
        else:
            write_line("hearth", f"Using the model runtime at {config.runtime_url}.")
        prepare = (lambda: run_bootstrap(env)) if needs_bootstrap() else None
        return await keep_house(services, prepare=prepare, announce=f"Hearth is ready: {config.url}")
