"""The models page: which models are installed, which of them are in memory, and deleting several at once."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from webui.forms.models import FindModelsForm
from webui.services.damaged_models import damaged_models
from webui.services.errors import DomainError
from webui.services.installed_models import InstalledModel
from webui.services.model_changes import delete_models, dependents_of
from webui.services.model_list import choose, listed_models
from webui.services.model_names import model_key
from webui.services.models import ModelList, list_models
from webui.views.requests import PersonRequest, administrator_required, wants_fragment

PAGE_SIZE = 100


@administrator_required
@require_safe
def models(request: PersonRequest) -> HttpResponse:
    listed = list_models(max_age=0)
    find = FindModelsForm(request.GET)
    chosen = choose(listed_models(listed.models), **find.wishes())
    context = {
        "error": listed.error,
        "damaged": [] if listed.error else damaged_models(),
        "find": find,
        "is_searching": any(request.GET.get(name) for name in ("query", "capability", "state")),
        "page": Paginator(chosen, PAGE_SIZE).get_page(request.GET.get("page")),
        "size_bytes": sum(one.model.size_bytes for one in chosen),
    }
    return render(request, "models/list.html#list" if wants_fragment(request) else "models/list.html", context)


@administrator_required
@require_safe
def states(request: PersonRequest) -> HttpResponse:
    """The states that may have changed since the page showed them: of models in memory or on their way, now or then."""
    shown = set(request.GET.getlist("shown"))
    listed = listed_models(list_models(max_age=0).models)
    changed = [one for one in listed if one.model.is_loaded or one.loading is not None or one.model.name in shown]
    return render(request, "models/state.html#states", {"changed": changed})


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PersonRequest) -> HttpResponse:
    """Asks on GET, saying what depends on each; deletes on POST. A name that is not installed is passed over."""
    keys = {model_key(name) for name in (request.POST if request.method == "POST" else request.GET).getlist("name")}
    listed = list_models(max_age=0)
    chosen = [model for model in [*listed.models, *_damaged(listed)] if model_key(model.name) in keys]
    if request.method == "POST":
        chosen = [model for model in chosen if not model.is_linked]
    if listed.error or not chosen:
        messages.error(request, listed.error or gettext("Select the models that are to be deleted first."))
        return HttpResponseClientRedirect(reverse("models")) if request.htmx else redirect("models")
    if request.method != "POST":
        template = "models/delete.html#dialog" if request.htmx else "models/delete.html"
        return render(request, template, {"dependents": dependents_of(chosen, listed.models)})
    try:
        delete_models([model.name for model in chosen], by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
    else:
        done = ngettext("%(name)s has been deleted.", "%(count)d models have been deleted.", len(chosen))
        messages.success(request, done % {"name": chosen[0].name, "count": len(chosen)})
    return redirect("models")


def _damaged(listed: ModelList) -> list[InstalledModel]:
    """Of which nothing is known but the name."""
    return [] if listed.error else [InstalledModel(model.name) for model in damaged_models()]
