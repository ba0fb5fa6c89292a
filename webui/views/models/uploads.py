"""Uploading model files from the browser: the page, and the addresses that its script sends the pieces to."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webui.forms.add_models import FinishUploadForm, UploadForm
from webui.services.errors import DomainError, RuntimeFailure
from webui.services.uploads import (
    PIECE_BYTES,
    NotAModelFile,
    Upload,
    append_piece,
    begin_upload,
    discard_upload,
    find_upload,
    finish_upload,
    list_uploads,
)
from webui.views.requests import PersonRequest, administrator_required

_READ_BYTES = 64 * 1024


@administrator_required
@never_cache
@require_safe
def page(request: PersonRequest) -> HttpResponse:
    context: dict[str, Any] = {"way": "upload", "piece_bytes": PIECE_BYTES}
    try:
        context["uploads"] = list_uploads()
    except RuntimeFailure as failure:
        context["unsupported" if failure.code == "not_supported" else "error"] = failure.sentence
    return render(request, "models/upload.html", context)


@administrator_required
@require_POST
def begin(request: PersonRequest) -> HttpResponse:
    """The upload as JSON: a new one, or the unfinished one of the same file."""
    form = UploadForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": next(iter(form.errors.values()))[0]}, status=422)
    try:
        upload = begin_upload(form.cleaned_data["name"], form.cleaned_data["size"], form.cleaned_data["digest"])
    except DomainError as failure:
        return _refused(failure)
    return JsonResponse(_shown(upload), status=201)


@administrator_required
@never_cache
@require_http_methods(["GET", "HEAD", "PATCH"])
def piece(request: PersonRequest, upload_id: str) -> HttpResponse:
    """How far an upload is; by PATCH, with the header Upload-Offset, the bytes that follow."""
    try:
        if request.method != "PATCH":
            return JsonResponse(_shown(find_upload(upload_id)))
        return _append(request, upload_id)
    except DomainError as failure:
        return _refused(failure)


@administrator_required
@require_POST
def finish(request: PersonRequest, upload_id: str) -> HttpResponse:
    """Begins the import. Answers scripts with JSON and plain forms with a page."""
    is_script = request.accepts("application/json") and not request.accepts("text/html")
    form = FinishUploadForm(request.POST)
    try:
        if not form.is_valid():
            raise RuntimeFailure("invalid_request", str(next(iter(form.errors.values()))[0]))
        job = finish_upload(upload_id, form.cleaned_data["model"])
    except DomainError as failure:
        if is_script:
            return _refused(failure)
        messages.error(request, failure.sentence)
        return redirect("model-upload")
    return JsonResponse({"job": job.id}, status=201) if is_script else redirect("jobs")


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: PersonRequest, upload_id: str) -> HttpResponse:
    """Asks, and on a POST throws away what has arrived."""
    try:
        if request.method != "POST":
            return render(request, "models/discard_upload.html", {"upload": find_upload(upload_id)})
        discard_upload(upload_id)
        messages.success(request, gettext("The upload has been thrown away."))
    except DomainError as failure:
        messages.error(request, failure.sentence)
    return redirect("model-upload")


def _append(request: PersonRequest, upload_id: str) -> HttpResponse:
    offset, length = request.headers.get("Upload-Offset", ""), request.headers.get("Content-Length", "")
    if not all(text.isascii() and text.isdecimal() and len(text) < 20 for text in (offset, length)):
        return JsonResponse({"error": gettext("The piece does not say where it belongs.")}, status=400)
    if int(length) > PIECE_BYTES:
        return JsonResponse({"error": gettext("The piece is too large.")}, status=413)
    try:
        upload = append_piece(upload_id, offset=int(offset), length=int(length), chunks=_chunks(request))
    except NotAModelFile:
        discard_upload(upload_id)
        raise
    except RuntimeFailure as failure:
        if failure.code != "offset_mismatch":
            raise
        return JsonResponse(_shown(find_upload(upload_id)), status=409)
    return JsonResponse(_shown(upload))


def _chunks(request: PersonRequest) -> Iterator[bytes]:
    while chunk := request.read(_READ_BYTES):
        yield chunk


def _shown(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.id,
        "name": upload.name,
        "size": upload.size,
        "offset": upload.offset,
        "model": upload.suggested_name,
        "url": reverse("upload", args=[upload.id]),
    }


def _refused(failure: DomainError) -> JsonResponse:
    """424 where the runtime is away and trying again may help: the script does that by itself."""
    is_passing = failure.code in {"engine_unavailable", "stream_broken", "shutting_down"}
    status = 424 if is_passing else 404 if failure.code == "upload_not_found" else 422
    return JsonResponse({"error": failure.sentence, "code": failure.code}, status=status)
