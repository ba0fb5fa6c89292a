"""One job as it is kept and as it is shown."""

import os
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
ENDED: tuple[Status, ...] = ("succeeded", "failed", "cancelled")


class Job(msgspec.Struct, kw_only=True):
    """`message` says in Ollama's words what is being done; `completed` and `total` are bytes, 0 where nothing is counted;
    `speed` is in bytes/s. `result` is what the kind of work found out."""

    id: str
    kind: str
    model: str
    status: Status = "queued"
    message: str = ""
    completed: int = 0
    total: int = 0
    speed: float = 0.0
    seconds_left: int | None = None
    #: A sentence, when it failed.
    error: str = ""
    code: str = ""
    created_at: str = ""
    updated_at: str = ""
    result: dict[str, Any] | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


class KeptJob(msgspec.Struct, kw_only=True):
    """What is on the disk. `request` is what the work was asked for; `starts` counts how often it was begun and neither
    ended nor was stopped in an orderly way; `digests` are those that its steps have named."""

    job: Job
    request: dict[str, Any]
    starts: int = 0
    digests: list[str] = []


def new_job(kind: str, model: str) -> Job:
    created_at = now()
    return Job(id=os.urandom(8).hex(), kind=kind, model=model, created_at=created_at, updated_at=created_at)


def now() -> str:
    """In RFC 3339, with microseconds: such texts sort by time, and no two jobs of one runtime begin at the same."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
