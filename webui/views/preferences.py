"""Language and theme: kept in cookies, so that they hold before signing in as well."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from webui.context_processors import THEME_COOKIE
from webui.forms.account import LanguageForm, ThemeForm


@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    form = LanguageForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(gettext("This language is not available."), content_type="text/plain; charset=utf-8")
    return _keep(_back(request), settings.LANGUAGE_COOKIE_NAME, form.cleaned_data["language"])


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    form = ThemeForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(gettext("This theme is not available."), content_type="text/plain; charset=utf-8")
    return _keep(_back(request), THEME_COOKIE, form.cleaned_data["theme"])


def _keep(response: HttpResponse, cookie: str, value: str) -> HttpResponse:
    """Both cookies are read by the server alone, so no script needs them."""
    if value:
        response.set_cookie(
            cookie,
            value,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(cookie, samesite="Lax")
    return response


def _back(request: HttpRequest) -> HttpResponse:
    """To the page the form was on, if it is one of ours."""
    if getattr(request, "htmx", False):
        return HttpResponseClientRefresh()
    for url in (request.POST.get("next"), request.headers.get("Referer")):
        if url and url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
            return HttpResponseRedirect(url)
    return HttpResponseRedirect(resolve_url(settings.LOGIN_REDIRECT_URL))
