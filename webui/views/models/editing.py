"""How a model answers: system prompt, parameters, template."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from webui.forms.model_behaviour import BehaviourForm
from webui.services.errors import DomainError
from webui.services.model_changes import ModelChangeRefused
from webui.services.model_details import model_details
from webui.services.model_editing import save_behaviour
from webui.views.models.model import get_model, render_model
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@require_POST
def edit(request: PersonRequest, name: str) -> HttpResponse:
    try:
        model = get_model(name)
        form = BehaviourForm(request.POST, details=model_details(model.name))
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect("model", name)
    if not form.is_valid():
        return render_model(request, name, status=422, behaviour_form=form)
    new_name = form.cleaned_data["new_name"]
    try:
        saved = save_behaviour(model.name, by=request.user, new_name=new_name, **form.changes())
    except ModelChangeRefused as refusal:
        form.add_error("new_name", refusal.sentence)
    except DomainError as refusal:
        form.add_error(None, refusal.sentence)
    else:
        done = gettext("%(name)s has been made.") if new_name else gettext("Saved. It holds from the next answer on.")
        messages.success(request, done % {"name": saved} if new_name else done)
        return redirect("model", saved)
    return render_model(request, name, status=422, behaviour_form=form)
