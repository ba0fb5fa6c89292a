"""What the endpoints share: the library, the scheduler and the settings of one running service."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from inference.library.models import Library
from inference.scheduler import Scheduler
from inference.settings import Settings


@dataclass(frozen=True)
class Runtime:
    settings: Settings
    library: Library
    scheduler: Scheduler


def runtime_of(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)
