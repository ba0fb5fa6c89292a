"""The models page: which models are installed and what an administrator does about several of them at once."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webui.services.models import list_models
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@require_safe
def models(request: PersonRequest) -> HttpResponse:
    return render(request, "models/list.html", {"listed": list_models()})
