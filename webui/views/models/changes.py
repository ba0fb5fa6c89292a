"""What is done with one model as a whole: loaded, unloaded, copied, renamed, made the site's default."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from webui.forms.models import LoadForm, ModelNameForm
from webui.services.errors import DomainError
from webui.services.model_changes import copy_model, rename_model, set_default_model
from webui.services.model_list import listed_models
from webui.services.model_loading import cancel_loading, start_loading, unload_model
from webui.views.models.model import get_model, render_model
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@require_POST
def load(request: PersonRequest, name: str) -> HttpResponse:
    form = LoadForm(request.POST)
    keep_alive = form.cleaned_data["keep_alive"] if form.is_valid() else None
    return _change_state(request, name, lambda: start_loading(get_model(name), keep_alive=keep_alive))


@administrator_required
@require_POST
def cancel(request: PersonRequest, name: str) -> HttpResponse:
    return _change_state(request, name, lambda: cancel_loading(get_model(name).name))


@administrator_required
@require_POST
def unload(request: PersonRequest, name: str) -> HttpResponse:
    return _change_state(request, name, lambda: unload_model(get_model(name).name))


@administrator_required
@require_POST
def copy(request: PersonRequest, name: str) -> HttpResponse:
    form = ModelNameForm(request.POST, prefix="copy", label=gettext("Name of the copy"))
    return _give_name(
        request,
        name,
        "copy_form",
        form,
        lambda new: copy_model(get_model(name).name, new, by=request.user),
        gettext("%(old)s has been copied to %(new)s."),
    )


@administrator_required
@require_POST
def rename(request: PersonRequest, name: str) -> HttpResponse:
    form = ModelNameForm(request.POST, prefix="rename")
    return _give_name(
        request,
        name,
        "rename_form",
        form,
        lambda new: rename_model(get_model(name).name, new, by=request.user),
        gettext("%(old)s is now called %(new)s."),
    )


@administrator_required
@require_POST
def default(request: PersonRequest, name: str) -> HttpResponse:
    """Makes the model the one that people begin with; with `is_default` empty, none in particular."""
    try:
        model = get_model(name)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return redirect("model", name)
    is_default = bool(request.POST.get("is_default"))
    set_default_model(model.name if is_default else "", by=request.user)
    sentence = (
        gettext("%(name)s is now the default model.") if is_default else gettext("%(name)s is no longer the default model.")
    )
    messages.success(request, sentence % {"name": model.name})
    return redirect("model", model.name)


def _change_state(request: PersonRequest, name: str, change: Callable[[], None]) -> HttpResponse:
    """The model's new state, or why it is the old one: for htmx in its place, otherwise on the page that was shown."""
    error = ""
    try:
        change()
    except DomainError as refusal:
        error = refusal.sentence
    if not request.htmx:
        if error:
            messages.error(request, error)
        return redirect("model", name)
    try:
        listed = listed_models([get_model(name)])[0]
    except DomainError as refusal:
        return HttpResponse(refusal.sentence, status=503, content_type="text/plain; charset=utf-8")
    return render(request, "models/state.html#state", {"listed": listed, "error": error})


def _give_name(
    request: PersonRequest, name: str, form_name: str, form: forms.Form, give: Callable[[str], str], done: str
) -> HttpResponse:
    """On the new model's page, or on the old one's with what was wrong."""
    if form.is_valid():
        try:
            new = give(form.cleaned_data["name"])
        except DomainError as refusal:
            form.add_error("name", refusal.sentence)
        else:
            messages.success(request, done % {"old": name, "new": new})
            return redirect("model", new)
    return render_model(request, name, status=422, **{form_name: form})
