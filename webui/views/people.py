"""The people page: who has an account, who waits for one, and what an administrator does about it."""

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webui import access
from webui.enums import ApiKeyMakers, Registration, Role
from webui.forms.people import ApiKeyMakersForm, FindPeopleForm, RegistrationSettingForm, RoleForm
from webui.models import ApiKey, SiteSettings
from webui.services import people as decisions
from webui.services.api_key_usage import with_recent_usage
from webui.services.api_keys import live_keys, revoke_keys_of
from webui.services.passwords import make_reset_token
from webui.services.site_settings import change_api_key_makers, change_registration
from webui.views.requests import PersonRequest, administrator_required

PAGE_SIZE = 100
#: So many days the use of somebody's keys is summed up for.
KEY_DAYS = 30


@administrator_required
@require_safe
def people(request: PersonRequest) -> HttpResponse:
    find = FindPeopleForm(request.GET)
    query = find.cleaned_data["query"] if find.is_valid() else ""
    listed = access.visible_people(request.user, query=query).annotate(
        key_count=Count("api_keys", filter=live_keys("api_keys__"))
    )
    found = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    site_settings = SiteSettings.load()
    context = {
        "page": found,
        "find": find,
        "query": query,
        "registration_form": RegistrationSettingForm(initial={"registration": site_settings.registration}),
        "makers_form": ApiKeyMakersForm(initial={"makers": site_settings.api_key_makers}),
    }
    return render(request, "people/list.html", context)


@administrator_required
@require_POST
def registration(request: PersonRequest) -> HttpResponse:
    form = RegistrationSettingForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(gettext("This is not a way to register."), content_type="text/plain; charset=utf-8")
    change_registration(Registration(form.cleaned_data["registration"]))
    messages.success(request, gettext("The registration setting has been saved."))
    return redirect("people")


@administrator_required
@require_POST
def api_key_makers(request: PersonRequest) -> HttpResponse:
    form = ApiKeyMakersForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(gettext("This cannot be chosen."), content_type="text/plain; charset=utf-8")
    change_api_key_makers(ApiKeyMakers(form.cleaned_data["makers"]))
    messages.success(request, gettext("The setting for API keys has been saved."))
    return redirect("people")


@administrator_required
@require_POST
def approve(request: PersonRequest, user_id: UUID) -> HttpResponse:
    person = access.get_person(request.user, user_id)
    return _decide(
        request,
        gettext("%(name)s has been let in.") % {"name": person},
        lambda: decisions.approve_person(person, by=request.user),
    )


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def decline(request: PersonRequest, user_id: UUID) -> HttpResponse:
    person = access.get_person(request.user, user_id)
    if request.method != "POST":
        return render(request, "people/decline.html", {"person": person})
    done = gettext("%(name)s has been declined and the account deleted.") % {"name": person}
    return _decide(request, done, lambda: decisions.decline_person(person, by=request.user))


@administrator_required
@require_POST
def role(request: PersonRequest, user_id: UUID) -> HttpResponse:
    person = access.get_person(request.user, user_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(gettext("There is no such role."), content_type="text/plain; charset=utf-8")
    chosen = Role(form.cleaned_data["role"])
    sentences = {
        Role.ADMINISTRATOR: gettext("%(name)s is now an administrator."),
        Role.MEMBER: gettext("%(name)s is no longer an administrator."),
    }
    return _decide(
        request, sentences[chosen] % {"name": person}, lambda: decisions.change_role(person, role=chosen, by=request.user)
    )


@administrator_required
@require_POST
def disable(request: PersonRequest, user_id: UUID) -> HttpResponse:
    person = access.get_person(request.user, user_id)
    done = gettext("%(name)s has been signed out everywhere and cannot sign in.") % {"name": person}
    return _decide(request, done, lambda: decisions.disable_person(person, by=request.user))


@administrator_required
@require_POST
def enable(request: PersonRequest, user_id: UUID) -> HttpResponse:
    person = access.get_person(request.user, user_id)
    done = gettext("%(name)s can sign in again.") % {"name": person}
    return _decide(request, done, lambda: decisions.enable_person(person, by=request.user))


@administrator_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """The link is in this one answer and nowhere else."""
    person = access.get_person(request.user, user_id)
    link = ""
    if request.method == "POST":
        path = reverse("password-reset", kwargs={"user_id": person.pk, "token": make_reset_token(person)})
        link = request.build_absolute_uri(path)
    return render(
        request, "people/reset.html", {"person": person, "link": link, "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    )


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """What an administrator learns of somebody's keys before revoking them all; the keys themselves nobody sees again."""
    person = access.get_person(request.user, user_id)
    if request.method != "POST":
        keys = with_recent_usage(ApiKey.objects.filter(live_keys(), user=person), days=KEY_DAYS)
        return render(request, "people/api_keys.html", {"person": person, "keys": keys, "days": KEY_DAYS})
    count = revoke_keys_of(person, by=request.user)
    done = ngettext(
        "%(number)s API key of %(name)s has been revoked.", "%(number)s API keys of %(name)s have been revoked.", count
    )
    messages.success(request, done % {"number": count, "name": person})
    return redirect("people")


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PersonRequest, user_id: UUID) -> HttpResponse:
    person = access.get_person(request.user, user_id)
    if request.method != "POST":
        return render(request, "people/delete.html", {"person": person, "belongings": decisions.belongings_of(person)})
    done = gettext("The account of %(name)s has been deleted.") % {"name": person}
    return _decide(request, done, lambda: decisions.delete_person(person, by=request.user))


def _decide(request: PersonRequest, done: str, decision: Callable[[], None]) -> HttpResponse:
    try:
        decision()
    except decisions.PeopleRefused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, done)
    return redirect("people")
