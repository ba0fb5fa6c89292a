"""What the endpoints share: the library, the registries, the scheduler and the settings of one running service."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from inference.library.models import Library
from inference.library.registry.pulls import Pulls
from inference.library.registry.registry import Registry
from inference.scheduler import Scheduler
from inference.settings import Settings


@dataclass(frozen=True)
class Runtime:
    settings: Settings
    library: Library
    scheduler: Scheduler
    registry: Registry
    pulls: Pulls


def runtime_of(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)
