"""The runtime's long work as an administrator follows it: downloads, imports, creations and measurements.

The jobs belong to the runtime: they go on when every page is closed, and after a restart.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from webui.services.errors import ActionNotPossible, NotSupported, RuntimeFailure, failure_from_code
from webui.services.inference_events import error_code, plain_text
from webui.services.model_names import registry_of
from webui.services.runtime_api import call

PATH = "/api/hearth/jobs"
#: What may be done to a job, by its status; the runtime has the last word.
ACTIONS = {
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
    "failed": ("retry", "dismiss"),
    "cancelled": ("retry", "dismiss"),
    "succeeded": ("dismiss",),
}
#: Kinds whose work is lost when it is interrupted: a pause would be a cancellation.
PAUSABLE_KINDS = {"pull", "push"}
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Job:
    """`completed` and `total` in bytes, 0 where nothing is counted; `speed` in bytes a second; `stage` says in the person's
    language what is being done, `reason` why it failed, and `code` the same for programs. `result` is what the kind of job
    found out."""

    id: str
    kind: str
    model: str
    status: str
    stage: str = ""
    reason: str = ""
    code: str = ""
    completed: int = 0
    total: int = 0
    speed: float = 0.0
    seconds_left: int | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.status in {"queued", "running"}

    @property
    def is_over(self) -> bool:
        return self.status in {"succeeded", "failed", "cancelled"}

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None where nothing is counted."""
        return min(self.completed / self.total, 1.0) if self.total else None

    @property
    def actions(self) -> tuple[str, ...]:
        offered = ACTIONS.get(self.status, ())
        return offered if self.kind in PAUSABLE_KINDS else tuple(action for action in offered if action != "pause")

    @property
    def has_model(self) -> bool:
        """Whether it left a model behind that one may chat with."""
        return self.status == "succeeded" and self.kind in {"pull", "create", "import"}

    @property
    def sha256(self) -> str:
        """Of the file that was uploaded, in hex; "" for work that is about no upload."""
        digest = plain_text(self.result.get("digest")) if self.kind == "import" else ""
        return digest.removeprefix("sha256:") if _SHA256.fullmatch(digest) else ""

    @property
    def registry_to_sign_in_at(self) -> str:
        """The registry that did not let this server in, "" where that was not the reason."""
        return registry_of(self.model) if self.code == "registry_refused" else ""


@dataclass(frozen=True)
class JobList:
    """The newest first, those that are not over before those that are; `error` where the runtime could not be asked."""

    jobs: list[Job] = field(default_factory=list)
    error: str = ""
    is_supported: bool = True

    @property
    def running(self) -> list[Job]:
        return [job for job in self.jobs if job.is_running]

    @property
    def fraction(self) -> float | None:
        """Of all that runs together."""
        counted = [job for job in self.running if job.total]
        total = sum(job.total for job in counted)
        return min(sum(job.completed for job in counted) / total, 1.0) if total else None

    @property
    def state(self) -> str:
        """What the tray shows first: `running`, `failed`, `paused`, `done`, `unknown`, or `empty`."""
        statuses = {job.status for job in self.jobs}
        if self.error:
            return "unknown"
        if self.running:
            return "running"
        return next((state for state in ("failed", "paused") if state in statuses), "done" if statuses else "empty")

    def of_model(self, name: str) -> Job | None:
        """The job that fetches or makes this model now, paused ones too."""
        return next((job for job in self.jobs if job.model == name and not job.is_over), None)


def list_jobs() -> JobList:
    """Asks the runtime; one that has no jobs, such as a real Ollama, has none to show."""
    try:
        answer = call("GET", PATH)
    except NotSupported as failure:
        return JobList(error=failure.sentence, is_supported=False)
    except RuntimeFailure as failure:
        return JobList(error=failure.sentence)
    listed = answer.get("jobs") if isinstance(answer, dict) else None
    entries = [entry for entry in listed if _is_job(entry)] if isinstance(listed, list) else []
    entries.sort(key=lambda entry: str(entry.get("created_at", "")), reverse=True)
    return JobList(sorted(map(_job, entries), key=lambda job: job.is_over))


def start_job(kind: str, model: str, **fields: Any) -> Job:
    """Raises RuntimeFailure."""
    return read_job(call("POST", PATH, {"kind": kind, "model": model, **fields}))


def act_on_job(job_id: str, action: str) -> None:
    """`pause`, `resume`, `cancel`, `retry` or `dismiss`. Raises RuntimeFailure, ActionNotPossible for a job that is not there."""
    if not _ID.fullmatch(job_id):
        raise ActionNotPossible(_("This is no longer in the list."))
    try:
        if action == "dismiss":
            call("DELETE", f"{PATH}/{job_id}")
        else:
            call("POST", f"{PATH}/{job_id}/{action}")
    except RuntimeFailure as failure:
        if failure.code in {"job_not_found", "not_found", "model_not_found"}:
            raise ActionNotPossible(_("This is no longer in the list.")) from None
        raise


def read_job(answer: Any) -> Job:
    """The job that the runtime answers. Raises RuntimeFailure where it is none."""
    if not _is_job(answer):
        raise failure_from_code("stream_broken", "", "")
    return _job(answer)


def _is_job(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), str) and _ID.fullmatch(entry["id"]) is not None


def _job(entry: dict[str, Any]) -> Job:
    kind, model = _text(entry.get("kind")), _text(entry.get("model"))
    seconds = _number(entry.get("seconds_left"))
    result = entry.get("result")
    return Job(
        id=entry["id"],
        kind=kind,
        model=model,
        status=_text(entry.get("status")),
        stage=stage_sentence(kind, _text(entry.get("message"))),
        reason=_reason(kind, model, entry),
        code=error_code(entry.get("code")) if entry.get("code") else "",
        completed=int(_number(entry.get("completed"))),
        total=int(_number(entry.get("total"))),
        speed=_number(entry.get("speed")),
        seconds_left=round(seconds) if seconds else None,
        result=result if isinstance(result, dict) else {},
    )


def stage_sentence(kind: str, message: str) -> str:
    """Ollama's status texts in the person's language; one that is not known as it is."""
    known = {
        "pulling manifest": _("Asking the registry"),
        "verifying sha256 digest": _("Checking what was downloaded"),
        "writing manifest": _("Finishing"),
        "removing unused layers": _("Finishing"),
        "removing any unused layers": _("Finishing"),
        "retrieving manifest": _("Reading the model"),
        "parsing gguf": _("Reading the file"),
        "converting model": _("Converting"),
        "pushing manifest": _("Finishing"),
        "success": _("Done"),
    }
    if message.lower() in known:
        return known[message.lower()]
    beginnings = {
        "pulling ": _("Downloading"),
        "pushing ": _("Uploading"),
        "quantizing": _("Quantising"),
        "using ": _("Putting the model together"),
        "creating ": _("Putting the model together"),
        "writing ": _("Putting the model together"),
    }
    return next((words for beginning, words in beginnings.items() if message.startswith(beginning)), message)


def _reason(kind: str, model: str, entry: dict[str, Any]) -> str:
    told, code = _text(entry.get("error")), error_code(entry.get("code"))
    if not told and not entry.get("code"):
        return ""
    if kind == "pull" and code == "model_not_found":
        return _("The registry has no model “%(model)s”. Check the name and the tag.") % {"model": model}
    return failure_from_code(code, told, model).sentence


def _text(value: object) -> str:
    return plain_text(value)[:_LONGEST_TEXT]


def _number(value: object) -> float:
    """0 for what is no count: not a number, negative, or beyond any disk."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value < 2**63 else 0  # type: ignore[operator,return-value]
