"""The container's health check: `python -m webui.supervisor.health` ends with 0 when the web process answers."""

import asyncio
import sys

from webui.supervisor.config import read_config
from webui.supervisor.probe import Endpoint, is_answering
from webui.supervisor.web import reachable

if __name__ == "__main__":
    config = read_config()
    endpoint = Endpoint("/health", host=reachable(config.host), port=config.port)
    sys.exit(0 if asyncio.run(is_answering(endpoint, timeout=5.0)) else 1)
