"""The model picker of the composer."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webui.services.models import model_picker
from webui.views.requests import PersonRequest


@require_safe
def picker(request: PersonRequest) -> HttpResponse:
    return render(request, "chat/models.html#picker", {"picker": model_picker(request.user, wanted=request.GET.get("model", ""))})
