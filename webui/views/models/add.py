"""Adding a model by name: the catalogue with what each size would make of this machine, and a field for any other name."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webui.forms.add_models import FindInCatalogueForm, PullForm
from webui.services.catalogue import catalogue, find_families
from webui.services.errors import NotSupported, RuntimeFailure
from webui.services.estimates import estimate_of, machine
from webui.services.jobs import list_jobs
from webui.services.model_names import registry_of
from webui.views.requests import PersonRequest, administrator_required, wants_fragment


@administrator_required
@require_safe
def add(request: PersonRequest) -> HttpResponse:
    find = FindInCatalogueForm(request.GET)
    context = {"way": "registry", "find": find, "name_form": PullForm(), **_catalogue(find)}
    if wants_fragment(request):
        return render(request, "models/add.html#families", context)
    return render(request, "models/add.html", {**context, **_machine()})


@administrator_required
@require_safe
def estimate(request: PersonRequest) -> HttpResponse:
    """What is known of a model by name before it is downloaded; asks its registry."""
    form = PullForm(request.GET)
    context: dict[str, Any] = {"way": "registry", "name_form": form}
    if form.is_valid():
        name, insecure = form.cleaned_data["model"], form.cleaned_data["insecure"]
        context |= {"name": name, "insecure": insecure}
        try:
            context["estimate"] = estimate_of(name, insecure=insecure)
        except RuntimeFailure as failure:
            context["estimate_error"] = failure.sentence
            if failure.code == "registry_refused":
                context["registry"] = registry_of(name)
    return render(request, "models/estimate.html#estimate" if wants_fragment(request) else "models/estimate.html", context)


def _catalogue(find: FindInCatalogueForm) -> dict[str, Any]:
    """The families that are looked for; where the runtime has none, a sentence that says so."""
    wanted = find.cleaned_data if find.is_valid() else {}
    jobs = list_jobs()
    if not jobs.is_supported:
        return {"unsupported": jobs.error}
    try:
        families = catalogue()
    except NotSupported:
        return {"families": None}
    except RuntimeFailure as failure:
        return {"catalogue_error": failure.sentence}
    found = find_families(
        families,
        query=wanted.get("query", ""),
        purpose=wanted.get("purpose", ""),
        language=wanted.get("language", ""),
        only_fitting=wanted.get("fitting", False),
    )
    busy = {job.model for job in jobs.jobs if not job.is_over}
    return {"families": found, "busy": busy}


def _machine() -> dict[str, Any]:
    try:
        return {"machine": machine()}
    except RuntimeFailure:
        return {}
