"""Work that the server does on its own: begun here, followed until it ends."""

import contextlib
import time
from typing import Any

import click

from inference.cli.client import Client
from inference.cli.errors import CommandError, ServerError
from inference.cli.progress import ProgressView
from inference.cli.suggestions import suggest_model

_EVERY_S = 0.3
_ENDED = ("succeeded", "failed", "cancelled")


def run_job(client: Client, kind: str, model: str, **fields: Any) -> dict[str, Any]:
    """The job's result. Raises `CommandError` when it fails. Ctrl-C cancels the job."""
    try:
        job = client.post("/api/hearth/jobs", {"kind": kind, "model": model, **fields})
        job = _follow(client, job)
    except ServerError as error:
        if error.is_unknown_path:
            raise CommandError(f"the server at {client.url} is no Hearth server: it cannot {kind} models") from None
        hint = suggest_model(client, model) if error.status == 404 else ""
        raise ServerError(_joined(str(error), hint), status=error.status, code=error.code) from None
    if job["status"] == "succeeded":
        result: dict[str, Any] = job["result"]
        return result
    hint = suggest_model(client, model) if job.get("code") == "model_not_found" else ""
    raise CommandError(_joined(str(job["error"] or "it was cancelled"), hint))


def _joined(sentence: str, hint: str) -> str:
    return f"{sentence.removesuffix('.')}{hint}" if hint else sentence


def _event(job: dict[str, Any]) -> dict[str, Any]:
    """The job as a line of a stream of progress."""
    if job["status"] in ("queued", "paused"):
        return {"status": "waiting for other work"}
    if job["status"] in _ENDED:
        return {"status": job["message"] if job["status"] == "succeeded" else ""}
    return {"status": job["message"], "digest": job["id"], "total": job["total"], "completed": job["completed"]}


def _follow(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    path = f"/api/hearth/jobs/{job['id']}"
    try:
        with ProgressView() as view:
            while True:
                view.update(_event(job))
                if job["status"] in _ENDED:
                    return job
                time.sleep(_EVERY_S)
                job = client.get(path)
    except KeyboardInterrupt:
        with contextlib.suppress(CommandError):
            client.post(f"{path}/cancel", {})
        click.echo("Cancelled.", err=True)
        raise
