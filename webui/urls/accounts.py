"""Accounts. allauth finds its pages by these names; those of it that need e-mail have no address here."""

from django.urls import path

from webui.views import accounts, api_keys, preferences

account_urls = [
    path("accounts/", accounts.account, name="account"),
    path("accounts/login/", accounts.login, name="account_login"),
    path("accounts/register/", accounts.signup, name="account_signup"),
    path("accounts/logout/", accounts.logout, name="account_logout"),
    path("accounts/password/", accounts.change_password, name="account_change_password"),
    path("accounts/api-keys/", api_keys.api_keys, name="api-keys"),
    path("accounts/api-keys/<uuid:key_id>/", api_keys.api_key, name="api-key"),
    path("accounts/api-keys/<uuid:key_id>/edit/", api_keys.edit, name="api-key-edit"),
    path("accounts/api-keys/<uuid:key_id>/revoke/", api_keys.revoke, name="api-key-revoke"),
    path("accounts/waiting/", accounts.waiting, name="waiting"),
    path("accounts/reset/<uuid:user_id>/<slug:token>/", accounts.reset, name="password-reset"),
    path("language/", preferences.language, name="language"),
    path("theme/", preferences.theme, name="theme"),
]
