"""Who may use a model."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from webui.enums import Audience
from webui.forms.models import AudienceForm
from webui.services.errors import DomainError
from webui.services.model_access import set_audience, set_enabled
from webui.views.models.model import get_model, render_model
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@require_POST
def enabled(request: PersonRequest, name: str) -> HttpResponse:
    """Switches the model on, or with `is_enabled` empty off, for everybody."""
    try:
        model = get_model(name)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect("model", name)
    is_enabled = bool(request.POST.get("is_enabled"))
    set_enabled(model.name, is_enabled=is_enabled, by=request.user)
    sentence = (
        gettext("%(name)s can be used again.") if is_enabled else gettext("%(name)s is switched off: nobody can chat with it.")
    )
    messages.success(request, sentence % {"name": model.name})
    return redirect("model", model.name)


@administrator_required
@require_POST
def audience(request: PersonRequest, name: str) -> HttpResponse:
    form = AudienceForm(request.POST)
    if not form.is_valid():
        return render_model(request, name, status=422, audience_form=form)
    try:
        model = get_model(name)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect("model", name)
    set_audience(
        model.name, audience=Audience(form.cleaned_data["audience"]), people=form.cleaned_data["people"], by=request.user
    )
    messages.success(request, gettext("Who may use %(name)s has been saved.") % {"name": model.name})
    return redirect("model", model.name)
