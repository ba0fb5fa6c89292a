"""How fast a model is on the machine that runs it: measuring it and writing it anew for this machine, as jobs of the runtime,
and what came of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from webui.services.errors import NotSupported, RuntimeFailure
from webui.services.inference_events import plain_text
from webui.services.installed_models import find_by_name, installed_models
from webui.services.model_access import copy_access
from webui.services.model_names import model_key
from webui.services.runtime_api import call

_KINDS = ("bench", "optimise")
_UNFINISHED = {"queued", "running", "paused"}
_LONGEST_TEXT = 1000


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
class Figures:
    """Of one form of a model's weights; speeds in tokens a second, `perplexity` None where it was not measured."""

    quantization: str
    size_bytes: int
    prefill: float
    decode: float
    perplexity: float | None


@dataclass(frozen=True)
class Optimisation:
    """What came of writing a model anew: `model` is the faster one's name, "" where none was worth it and `reason`, in the
    runtime's words, says why."""

    model: str
    reason: str
    before: Figures
    after: Figures | None


@dataclass(frozen=True)
class ModelSpeed:
    """`running` is the kind of work that goes on; `error` is a sentence: why the last work failed, or why nothing can be
    told."""

    measurements: tuple[Measurement, ...] = ()
    optimisation: Optimisation | None = None
    running: str = ""
    error: str = ""
    is_supported: bool = True


def model_speed(name: str) -> ModelSpeed:
    """What is known, also where the runtime cannot be asked; the newest measurement first."""
    try:
        jobs = _jobs(name)
        measured = _entries(call("GET", "/api/hearth/benchmarks"), "benchmarks")
    except NotSupported as failure:
        return ModelSpeed(error=failure.sentence, is_supported=False)
    except RuntimeFailure as failure:
        return ModelSpeed(error=failure.sentence)
    key = model_key(name)
    found = [_measurement(entry) for entry in measured if model_key(str(entry.get("model"))) == key]
    failed = jobs[-1] if jobs and jobs[-1].get("status") == "failed" else {}
    error = plain_text(failed.get("error"))[:_LONGEST_TEXT]
    optimised = [job.get("result") for job in jobs if job["kind"] == "optimise" and job.get("status") == "succeeded"]
    return ModelSpeed(
        measurements=tuple(sorted(found, key=lambda one: one.measured_at or datetime.min.replace(tzinfo=UTC), reverse=True)),
        optimisation=_optimisation(optimised[-1]) if optimised else None,
        running=next((job["kind"] for job in jobs if job.get("status") in _UNFINISHED), ""),
        error=_("It failed: %(cause)s") % {"cause": error} if error else "",
    )


def start_bench(name: str) -> None:
    """Begins to measure, unless that is being done already. Raises RuntimeFailure."""
    call("POST", "/api/hearth/jobs", {"kind": "bench", "model": name})


def start_optimisation(name: str) -> None:
    """Begins to look for weights that this machine gets through faster; they become a model of their own, open to the same
    people. Raises RuntimeFailure."""
    destination = f"{name}-fast"
    if find_by_name(installed_models(), destination) is None:
        copy_access(name, destination)
    call("POST", "/api/hearth/jobs", {"kind": "optimise", "model": name, "destination": destination})


def cancel_work(name: str) -> None:
    """Ends what is going on; too late is no error. Raises RuntimeFailure."""
    for job in _jobs(name):
        if job.get("status") in _UNFINISHED:
            try:
                call("POST", f"/api/hearth/jobs/{job['id']}/cancel")
            except RuntimeFailure as failure:
                if isinstance(failure, NotSupported) or failure.code not in {"job_not_found", "action_not_possible"}:
                    raise


def _jobs(name: str) -> list[dict[str, Any]]:
    """Of this model and these kinds, the oldest first."""
    key = model_key(name)
    jobs = [job for job in _entries(call("GET", "/api/hearth/jobs"), "jobs") if job.get("kind") in _KINDS]
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


def _optimisation(result: Any) -> Optimisation | None:
    if not isinstance(result, dict) or (before := _figures(result.get("before"))) is None:
        return None
    return Optimisation(
        model=plain_text(result.get("model"))[:_LONGEST_TEXT],
        reason=plain_text(result.get("reason"))[:_LONGEST_TEXT],
        before=before,
        after=_figures(result.get("after")),
    )


def _figures(entry: Any) -> Figures | None:
    if not isinstance(entry, dict):
        return None
    return Figures(
        quantization=plain_text(entry.get("quantization"))[:40],
        size_bytes=int(_number(entry.get("size")) or 0),
        prefill=_number(entry.get("prefill")) or 0.0,
        decode=_number(entry.get("decode")) or 0.0,
        perplexity=_number(entry.get("perplexity")),
    )


def _number(value: object) -> float | None:
    """None for what is none, is negative, or is not finite."""
    return float(value) if isinstance(value, int | float) and 0 <= value < 2**63 else None
