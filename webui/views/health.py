"""Whether the web process answers, for container health checks and for the supervisor; tells nothing about people or content."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webui import __version__
from webui.services.runtime_api import runtime_answers
from webui.services.runtime_status import read_runtime_status


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok", "version": __version__, "runtime": _runtime_state()})


def _runtime_state() -> str:
    status = read_runtime_status()
    if status.state == "failed":
        return "failed"
    if status.is_coming:
        return "starting"
    return "ready" if runtime_answers() else "unreachable"
