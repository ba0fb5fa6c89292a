"""How the runtime signs in at private registries: the list, signing in, signing out."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from webui.forms.registries import RegistryLoginForm
from webui.services.errors import DomainError, RuntimeFailure
from webui.services.registry_logins import list_registry_logins, sign_in, sign_out
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def registries(request: PersonRequest) -> HttpResponse:
    """The list; a POST signs in. `registry` in the query is filled into the form."""
    if request.method != "POST":
        return _page(request, RegistryLoginForm(initial={"registry": request.GET.get("registry", "")[:400]}))
    form = RegistryLoginForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    fields = form.cleaned_data
    try:
        sign_in(fields["registry"], username=fields["username"], password=fields["password"], is_insecure=fields["insecure"])
    except DomainError as failure:
        form.add_error(None, failure.sentence)
        return _page(request, form, status=422)
    messages.success(
        request, gettext("Signed in to %(registry)s. Downloads from there use it from now on.") % {"registry": fields["registry"]}
    )
    return redirect("registries")


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def registry_sign_out(request: PersonRequest, registry: str) -> HttpResponse:
    """Asks, and on a POST has the login forgotten."""
    try:
        if request.method != "POST":
            login = next((login for login in list_registry_logins().logins if login.registry == registry.lower()), None)
            if login is None:
                raise Http404
            return render(request, "models/registry_sign_out.html", {"login": login})
        sign_out(registry)
        messages.success(request, gettext("Signed out of %(registry)s.") % {"registry": registry})
    except DomainError as failure:
        messages.error(request, failure.sentence)
    return redirect("registries")


def _page(request: PersonRequest, form: RegistryLoginForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    try:
        context["kept"] = list_registry_logins()
    except RuntimeFailure as failure:
        context["unsupported" if failure.code == "not_supported" else "error"] = failure.sentence
    return render(request, "models/registries.html", context, status=status)
