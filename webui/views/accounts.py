"""Registering, signing in and out, passwords, the waiting page, and one's own account."""

from typing import Any
from uuid import UUID

from allauth.account.views import LoginView, LogoutView, PasswordChangeView, SignupView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from webui.access import visible_api_keys
from webui.context_processors import theme_of
from webui.forms.account import AccountForm, LanguageForm, ThemeForm
from webui.forms.accounts import NewPasswordForm, RegistrationForm
from webui.middleware import waiting_allowed
from webui.models import User
from webui.services.accounts import RegistrationRefused, is_first_registration, rename_person
from webui.services.api_keys import live_keys
from webui.services.passwords import reset_password, reset_token_is_valid
from webui.views.requests import PersonRequest


class SignInPage(LoginView):  # type: ignore[misc]
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_first_registration():
            return redirect("account_signup")
        return super().get(request, *args, **kwargs)  # type: ignore[no-any-return]


class RegistrationPage(SignupView):  # type: ignore[misc]
    def form_valid(self, form: RegistrationForm) -> HttpResponse:
        try:
            return super().form_valid(form)  # type: ignore[no-any-return]
        except RegistrationRefused as refusal:
            form.add_refusal(refusal)
            return self.form_invalid(form)  # type: ignore[no-any-return]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "is_first": is_first_registration()}


class PasswordPage(PasswordChangeView):  # type: ignore[misc]
    def dispatch(self, request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_usable_password():
            messages.error(request, gettext("Your account has no password. Ask the administrator for a link to set one."))
            return redirect("account")
        return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]


login = SignInPage.as_view()
signup = RegistrationPage.as_view()
logout = waiting_allowed(LogoutView.as_view())
# allauth lets strangers sign out too; for them there is only the sign-in page.
logout.login_required = True
change_password = PasswordPage.as_view()


@waiting_allowed
@never_cache
@require_safe
def waiting(request: PersonRequest) -> HttpResponse:
    if request.user.may_enter:
        return HttpResponseClientRedirect(reverse("chat")) if request.htmx else redirect("chat")
    # The page asks again and again; nothing to put into it until somebody has decided.
    return HttpResponse(status=204) if request.htmx else render(request, "account/waiting.html")


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: PersonRequest) -> HttpResponse:
    form = AccountForm(request.POST if request.method == "POST" else None, initial={"display_name": request.user.display_name})
    if request.method == "POST" and form.is_valid():
        rename_person(request.user, display_name=form.cleaned_data["display_name"])
        messages.success(request, gettext("Your name has been saved."))
        return redirect("account")
    context = {
        "form": form,
        "language_form": LanguageForm(initial={"language": get_language()}),
        "theme_form": ThemeForm(initial={"theme": theme_of(request)}),
        "key_count": visible_api_keys(request.user).filter(live_keys()).count(),
    }
    return render(request, "account/account.html", context, status=422 if form.errors else 200)


@login_not_required
@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest, user_id: UUID, token: str) -> HttpResponse:
    """The page behind a link that an administrator made. It answers alike for a wrong token and an unknown account."""
    person = User.objects.filter(pk=user_id).first()
    if person is None or not reset_token_is_valid(person, token):
        return render(request, "account/reset_expired.html", status=404)
    form = NewPasswordForm(request.POST if request.method == "POST" else None, user=person)
    if request.method != "POST" or not form.is_valid():
        return render(request, "account/reset.html", {"form": form, "person": person}, status=422 if form.errors else 200)
    if not reset_password(person, token=token, password=form.cleaned_data["password1"]):
        return render(request, "account/reset_expired.html", status=404)
    messages.success(request, gettext("Your new password is set. Sign in with it."))
    return redirect("account_login")


def too_many_requests(request: HttpRequest) -> HttpResponse:
    response = render(request, "errors/429.html", status=429)
    response["Retry-After"] = "60"
    return response
