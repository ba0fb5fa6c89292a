"""The interactive reference of the APIs: every endpoint, to be tried with a key."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from webui.services.api_reference import read_reference
from webui.services.errors import RuntimeFailure
from webui.services.models import model_picker
from webui.views.requests import PersonRequest

#: That a request is shown in as code; see static/js/api-code.js.
LANGUAGES = ("curl", "Python", "JavaScript")


@require_safe
def api_reference(request: PersonRequest) -> HttpResponse:
    site = request.build_absolute_uri(reverse("chat")).rstrip("/")
    try:
        reference = read_reference(get_language() or "en", model_picker(request.user).selected or "")
    except RuntimeFailure as failure:
        return render(request, "api_reference/unavailable.html", {"failure": failure})
    return render(request, "api_reference/page.html", {"reference": reference, "site_url": site, "languages": LANGUAGES})
