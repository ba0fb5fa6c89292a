"""Model files that lie on the server already."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webui.services.errors import RuntimeFailure
from webui.services.server_files import list_server_files
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@never_cache
@require_safe
def files(request: PersonRequest) -> HttpResponse:
    context: dict[str, Any] = {"way": "files"}
    try:
        context["files"] = list_server_files()
    except RuntimeFailure as failure:
        context["unsupported" if failure.code == "not_supported" else "error"] = failure.sentence
    return render(request, "models/files.html", context)
