"""The page of one model and what is done with the model as a whole."""

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from webui.forms.model_behaviour import BehaviourForm
from webui.forms.models import AudienceForm, LoadForm, ModelNameForm
from webui.services.damaged_models import damaged_models, find_damaged
from webui.services.errors import EngineUnavailable, RuntimeFailure, failure_from_code
from webui.services.installed_models import InstalledModel, find_by_name
from webui.services.model_access import access_of
from webui.services.model_details import model_details
from webui.services.model_list import listed_models
from webui.services.model_speed import model_speed
from webui.services.models import list_models
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@require_safe
def show(request: PersonRequest, name: str) -> HttpResponse:
    return render_model(request, name)


def get_model(name: str) -> InstalledModel:
    """The installed model of that name, in any spelling. Raises RuntimeFailure where the runtime cannot be asked or the model is
    damaged, and Http404 where there is no such model."""
    listed = list_models(max_age=0)
    if listed.error:
        raise EngineUnavailable(listed.error)
    model = find_by_name(listed.models, name)
    if model is not None:
        return model
    damaged = find_damaged(damaged_models(), name)
    if damaged is not None:
        raise failure_from_code("model_damaged", damaged.reason, damaged.name)
    raise Http404(gettext("This model is not installed."))


def render_model(request: PersonRequest, name: str, *, status: int = 200, **forms_with_errors: forms.Form) -> HttpResponse:
    """The page; `forms_with_errors` stand in place of those that it would make."""
    try:
        model = get_model(name)
        details = model_details(model.name)
    except RuntimeFailure as failure:
        return render(request, "models/unavailable.html", {"name": name, "error": failure.sentence}, status=status)
    access = access_of(model.name)
    people = [] if access._state.adding else list(access.people.all())
    context: dict[str, Any] = {
        "listed": listed_models([model])[0],
        "model": model,
        "details": details,
        "name": model.name,
        "speed": model_speed(model.name),
        "access": access,
        "load_form": LoadForm(),
        "copy_form": ModelNameForm(prefix="copy", label=gettext("Name of the copy")),
        "rename_form": ModelNameForm(prefix="rename", initial={"name": model.name}),
        "behaviour_form": BehaviourForm(details=details),
        "audience_form": AudienceForm(initial={"audience": access.audience, "people": people}),
    }
    return render(request, "models/model.html", context | forms_with_errors, status=status)
