"""A person's own API keys: the list with a form to create one, what each was used for, changing and revoking."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from webui.access import get_api_key, visible_api_keys
from webui.api_examples import examples_for
from webui.forms.api_keys import ApiKeyChangeForm, ApiKeyForm
from webui.models import ApiKey, SiteSettings
from webui.services.api_key_usage import usage_by_day, with_recent_usage
from webui.services.api_keys import (
    ApiKeyAlreadyMade,
    ApiKeyEnded,
    ApiKeyRefused,
    change_key,
    create_key,
    may_create_keys,
    refuse_ended,
    revoke_key,
)
from webui.services.models import model_picker
from webui.views.requests import PersonRequest, wants_fragment

#: So many days the lists of keys sum up, and the page of one key shows.
DAYS = 30
#: Named in the examples where nothing is installed that the person may use.
EXAMPLE_MODEL = "smollm2:135m"


@never_cache
@sensitive_variables("text")
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: PersonRequest) -> HttpResponse:
    """The text of a new key is in the answer to its form and nowhere else: the form is not redirected."""
    form = ApiKeyForm(request.POST if request.method == "POST" else None, user=request.user)
    if request.method != "POST" or not form.is_valid():
        return _render(request, form)
    fields = form.cleaned_data
    try:
        key, text = create_key(
            request.user,
            name=fields["name"],
            scopes=fields["scopes"],
            expires_at=form.expires_at(),
            key_id=fields["key_id"],
        )
    except ApiKeyAlreadyMade as refusal:
        messages.error(request, refusal.sentence)
        return _go_to(request, reverse("api-keys"))
    except ApiKeyRefused as refusal:
        form.add_refusal(refusal)
        return _render(request, form)
    return _render(request, ApiKeyForm(user=request.user), created=key, text=text)


@require_safe
def api_key(request: PersonRequest, key_id: UUID) -> HttpResponse:
    key = get_api_key(request.user, key_id)
    return render(request, "api_keys/key.html", {"key": key, **_usage(key)})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PersonRequest, key_id: UUID) -> HttpResponse:
    key = get_api_key(request.user, key_id)
    form = ApiKeyChangeForm(request.POST if request.method == "POST" else None, key=key)
    try:
        refuse_ended(key)
        if request.method != "POST" or not form.is_valid():
            return _render_edit(request, key, form)
        fields = form.cleaned_data
        key = change_key(request.user, key.pk, name=fields["name"], scopes=fields["scopes"], expires_at=form.expires_at())
    except ApiKeyEnded as refusal:
        messages.error(request, refusal.sentence)
        return _go_to(request, reverse("api-keys"))
    except ApiKeyRefused as refusal:
        form.add_refusal(refusal)
        return _render_edit(request, key, form)
    messages.success(request, gettext("The changes to “%(name)s” are saved and hold at once.") % {"name": key})
    return _go_to(request, _page_of(request, key))


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: PersonRequest, key_id: UUID) -> HttpResponse:
    key = get_api_key(request.user, key_id)
    if request.method != "POST":
        template = "api_keys/revoke.html#dialog" if request.htmx else "api_keys/revoke.html"
        return render(request, template, {"key": key})
    revoke_key(request.user, key.pk)
    messages.success(request, gettext("“%(name)s” has been revoked and opens nothing any more.") % {"name": key})
    return redirect("api-keys")


def _render_edit(request: PersonRequest, key: ApiKey, form: ApiKeyChangeForm) -> HttpResponse:
    template = "api_keys/edit.html#dialog" if request.htmx else "api_keys/edit.html"
    return render(request, template, {"key": key, "form": form}, status=422 if form.errors else 200)


def _page_of(request: PersonRequest, key: ApiKey) -> str:
    """Where the dialog was opened: the key's own page, or the list."""
    own = reverse("api-key", args=[key.pk])
    return own if request.htmx.current_url_abs_path == own else reverse("api-keys")


def _go_to(request: PersonRequest, address: str) -> HttpResponse:
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


@sensitive_variables("context")
def _render(request: PersonRequest, form: ApiKeyForm, **context: Any) -> HttpResponse:
    keys = list(with_recent_usage(visible_api_keys(request.user), days=DAYS))
    site = request.build_absolute_uri(reverse("chat")).rstrip("/")
    context |= {
        "form": form,
        "may_create": may_create_keys(request.user, SiteSettings.load()),
        "live": [key for key in keys if key.is_live],
        "ended": [key for key in keys if not key.is_live],
        "days": DAYS,
        "ollama_url": site,
        "openai_url": f"{site}/v1",
        "examples": examples_for(site, model_picker(request.user).selected or EXAMPLE_MODEL),
    }
    template = "api_keys/list.html#keys" if wants_fragment(request) else "api_keys/list.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _usage(key: ApiKey) -> dict[str, Any]:
    days = usage_by_day(key, days=DAYS)
    return {
        "days": days,
        "used_days": [usage for usage in reversed(days) if usage.requests],
        "most": max(usage.tokens for usage in days),
        "requests": sum(usage.requests for usage in days),
        "prompt_tokens": sum(usage.prompt_tokens for usage in days),
        "completion_tokens": sum(usage.completion_tokens for usage in days),
    }
