"""How fast a model is here: what was measured, and measuring it."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from webui.services.errors import DomainError
from webui.services.model_speed import cancel_work, model_speed, start_bench, start_optimisation
from webui.views.models.model import get_model
from webui.views.requests import PersonRequest, administrator_required, wants_fragment


@administrator_required
@never_cache
@require_safe
def speed(request: PersonRequest, name: str) -> HttpResponse:
    """The card alone, for a page that follows a measurement; the model's page for whoever comes here."""
    if not wants_fragment(request):
        return redirect("model", name)
    return _render_card(request, name)


@administrator_required
@require_POST
def bench(request: PersonRequest, name: str) -> HttpResponse:
    return _act(request, name, start_bench)


@administrator_required
@require_POST
def optimise(request: PersonRequest, name: str) -> HttpResponse:
    return _act(request, name, start_optimisation)


@administrator_required
@require_POST
def cancel_work_on(request: PersonRequest, name: str) -> HttpResponse:
    return _act(request, name, cancel_work)


def _act(request: PersonRequest, name: str, action: Callable[[str], None]) -> HttpResponse:
    error = ""
    try:
        action(get_model(name).name)
    except DomainError as refusal:
        error = refusal.sentence
    if wants_fragment(request):
        return _render_card(request, name, error=error)
    if error:
        messages.error(request, error)
    return redirect("model", name)


def _render_card(request: PersonRequest, name: str, *, error: str = "") -> HttpResponse:
    return render(request, "models/speed.html#speed", {"name": name, "speed": model_speed(name), "error": error})
