"""A supervisor over scripted children, as a program: `scripted_house.py WEB RUNTIME [PREPARE]`, sources from `children.py`."""

import asyncio
import os
import sys

from tests.ports import free_port
from tests.supervisor import children
from webui.supervisor.child import Child
from webui.supervisor.house import keep_house
from webui.supervisor.probe import Endpoint
from webui.supervisor.runtime import RuntimeService
from webui.supervisor.service import Service, ServiceCannotStart
from webui.supervisor.web import WebService


def service(kind: type[Service], source: str) -> Service:
    port = free_port()
    return kind(children.script(getattr(children, source), port), Endpoint("/", port=port), os.environ)


async def prepare() -> None:
    child = Child.start("bootstrap", children.script(getattr(children, sys.argv[3])), os.environ)
    if await child.wait():
        raise ServiceCannotStart(child.output.cause())


async def main() -> int:
    services = [service(WebService, sys.argv[1]), service(RuntimeService, sys.argv[2])]
    return await keep_house(services, prepare=prepare if len(sys.argv) > 3 else None, announce="ready")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
