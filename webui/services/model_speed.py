"""How fast a model is on the machine that runs it: measuring it as a job of the runtime, and what was measured so far."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from webui.services.errors import NotSupported, RuntimeFailure
from webui.services.inference_events import plain_text
from webui.services.model_names import model_key
from webui.services.runtime_api import call

_UNFINISHED = {"queued", "running", "paused"}


@dataclass(frozen=True)
class Measurement:
    """Speeds in tokens a second: `prefill` of reading a prompt, `decode` of writing, None for a model that writes nothing.
    `is_here` is False for what was measured on another machine."""

    prefill: float
    decode: float | None
    memory_bytes: int
    measured_at: datetime | None
    is_here: bool


@dataclass(frozen=True)
class ModelSpeed:
    """`error` is a sentence: why the last measurement failed, or why nothing can be told."""

    measurements: tuple[Measurement, ...] = ()
    is_running: bool = False
    error: str = ""
    is_supported: bool = True


def model_speed(name: str) -> ModelSpeed:
    """What is known, also where the runtime cannot be asked; the newest measurement first."""
    try:
        jobs = _bench_jobs(name)
        measured = _entries(call("GET", "/api/hearth/benchmarks"), "benchmarks")
    except NotSupported as failure:
        return ModelSpeed(error=failure.sentence, is_supported=False)
    except RuntimeFailure as failure:
        return ModelSpeed(error=failure.sentence)
    key = model_key(name)
    found = [_measurement(entry) for entry in measured if model_key(str(entry.get("model"))) == key]
    failed = jobs[-1] if jobs and jobs[-1].get("status") == "failed" else {}
    error = plain_text(failed.get("error"))[:1000]
    return ModelSpeed(
        measurements=tuple(sorted(found, key=lambda one: one.measured_at or datetime.min.replace(tzinfo=UTC), reverse=True)),
        is_running=any(job.get("status") in _UNFINISHED for job in jobs),
        error=_("The measurement failed: %(cause)s") % {"cause": error} if error else "",
    )


def start_bench(name: str) -> None:
    """Begins to measure, unless that is being done already. Raises RuntimeFailure."""
    call("POST", "/api/hearth/jobs", {"kind": "bench", "model": name})


def cancel_bench(name: str) -> None:
    """Ends it; too late is no error. Raises RuntimeFailure."""
    for job in _bench_jobs(name):
        if job.get("status") in _UNFINISHED:
            try:
                call("POST", f"/api/hearth/jobs/{job['id']}/cancel")
            except RuntimeFailure as failure:
                if isinstance(failure, NotSupported) or failure.code not in {"job_not_found", "action_not_possible"}:
                    raise


def _bench_jobs(name: str) -> list[dict[str, Any]]:
    """Of this model, the oldest first."""
    key = model_key(name)
    jobs = [job for job in _entries(call("GET", "/api/hearth/jobs"), "jobs") if job.get("kind") == "bench"]
    mine = [job for job in jobs if model_key(str(job.get("model"))) == key and _is_plain(job.get("id"))]
    return sorted(mine, key=lambda job: str(job.get("created_at")))


def _entries(answer: Any, name: str) -> list[dict[str, Any]]:
    found = answer.get(name) if isinstance(answer, dict) else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _is_plain(job_id: object) -> bool:
    """Whether it can stand in a path."""
    return isinstance(job_id, str) and job_id.isascii() and job_id.isalnum()


def _measurement(entry: dict[str, Any]) -> Measurement:
    measured_at = _number(entry.get("measured_at"))
    return Measurement(
        prefill=_number(entry.get("prefill")) or 0.0,
        decode=_number(entry.get("decode")),
        memory_bytes=int(_number(entry.get("memory_bytes")) or 0),
        measured_at=datetime.fromtimestamp(measured_at, UTC) if measured_at and measured_at < 2**33 else None,
        is_here=entry.get("is_here") is True,
    )


def _number(value: object) -> float | None:
    """None for what is none, is negative, or is not finite."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**63 else None
