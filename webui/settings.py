"""Django settings: one file, everything from the environment, everything mutable below `HEARTH_DATA`.

What an administrator changes at run time lives in the database (`SiteSettings`), not here.
Every variable read here stands in the table in README.md; a test compares the two.
"""

import re
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from webui.env import ConfigurationError, env_bool, env_choice, env_int, env_list, env_secret, env_str
from webui.paths import BASE_DIR, data_dir, inference_socket_path, secret_key_path, static_root
from webui.supervisor.config import api_keys_required, read_runtime_address

DATA_DIR = data_dir()
DEBUG = env_bool("HEARTH_DEBUG", False)


def _secret_key() -> str:
    key = env_secret("HEARTH_SECRET_KEY")
    if not key and secret_key_path().exists():
        key = secret_key_path().read_text(encoding="ascii").strip()
    if not key:
        raise ImproperlyConfigured(
            "No secret key: run `python manage.py bootstrap`, which writes one into HEARTH_DATA, or set HEARTH_SECRET_KEY."
        )
    return key


SECRET_KEY = _secret_key()

# Requests reach Hearth under whatever name a household gave the machine, so every Host is accepted by default;
# sockets still require Origin to equal Host, and a link built from the Host header is shown only to whoever sent it.
ALLOWED_HOSTS = env_list("HEARTH_ALLOWED_HOSTS") or ["*"]
CSRF_TRUSTED_ORIGINS = env_list("HEARTH_TRUSTED_ORIGINS")
TRUSTED_PROXY_COUNT = env_int("HEARTH_TRUSTED_PROXIES", 0, minimum=0)
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "webui.apps.WebuiConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_htmx",
    "template_partials",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webui.middleware.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "webui.urls"
ASGI_APPLICATION = "webui.asgi.application"


def _script_name() -> str:
    """The path that the site is mounted at, "" for the root of its host. It begins every link, so nothing odd may stand in it."""
    name = env_str("HEARTH_SCRIPT_NAME").rstrip("/")
    if name and not re.fullmatch(r"(/[\w.~-]+)+", name, re.ASCII):
        raise ConfigurationError(f"HEARTH_SCRIPT_NAME must be a path such as /hearth, not {name!r}.")
    return name


SCRIPT_NAME = _script_name()
FORCE_SCRIPT_NAME = SCRIPT_NAME or None

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "webui.context_processors.site",
            ],
        },
    }
]


def _database() -> dict[str, Any]:
    url = env_secret("DATABASE_URL")
    if url:
        try:
            return dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
        except Exception as error:
            raise ConfigurationError(f"DATABASE_URL cannot be read: {error}.") from None
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "hearth.sqlite3",
        "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
        },
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Large enough that nobody washes the counts of failed sign-ins out of it by failing under many names.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

AUTH_USER_MODEL = "webui.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["webui.hashers.BoundedArgon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "chat"
LOGOUT_REDIRECT_URL = "account_login"
# How long a link that sets a new password is good for.
PASSWORD_RESET_TIMEOUT = 60 * 60 * 24
SETUP_TOKEN = env_secret("HEARTH_SETUP_TOKEN")

ACCOUNT_ADAPTER = "webui.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_FORMS = {
    "login": "webui.forms.accounts.SignInForm",
    "signup": "webui.forms.accounts.RegistrationForm",
    "change_password": "webui.forms.accounts.PasswordChangeForm",
}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
# A class or an office often shares one address: the limits by address leave room for thirty people signing in at once.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "signup": "20/m/ip,100/h/ip",
    "change_password": "5/m/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

# Browsers keep cookies by host, not by port: sites side by side on one machine must not sign each other out.
_PORT = env_int("HEARTH_PORT", 3000, minimum=0, maximum=65535)
_SITE = "hearth" if _PORT == 3000 else f"hearth_{_PORT}"
SESSION_COOKIE_NAME = f"{_SITE}_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env_bool("HEARTH_SECURE_COOKIES", False)
CSRF_COOKIE_NAME = f"{_SITE}_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "webui.views.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = None if DEBUG else "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = env_int("HEARTH_MAX_FORM_BYTES", 4 * 1024 * 1024, minimum=65536)

# https: in img-src is for pictures in answers: the sanitiser never lets one through as an element, the reader's click makes it.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "https:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

LANGUAGE_CODE = env_str("HEARTH_LANGUAGE", "en")
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_COOKIE_NAME = "hearth_language"
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE
LOCALE_PATHS = [BASE_DIR / "webui" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env_str("TZ", "UTC")

# Whole: Django completes a relative one when it is first asked for, which under ASGI is before it knows the script name.
STATIC_URL = f"{SCRIPT_NAME}/static/"
STATIC_ROOT = static_root()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "webui.staticfiles.HashedStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# With HEARTH_API_KEYS=required this process also serves the runtime's port, and there the API alone.
API_KEYS_REQUIRED = api_keys_required()
KEYED_RUNTIME_ADDRESS = read_runtime_address() if API_KEYS_REQUIRED else None
KEYED_RUNTIME_PORT = KEYED_RUNTIME_ADDRESS.port if KEYED_RUNTIME_ADDRESS else None

# "unix:/path/to.sock" or an http(s) URL: another Hearth runtime, or a real Ollama.
INFERENCE_URL = env_str("HEARTH_INFERENCE_URL", f"unix:{inference_socket_path()}")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {
        "handlers": ["stderr"],
        "level": env_choice("HEARTH_LOG_LEVEL", "info", ("debug", "info", "warning", "error")).upper(),
    },
    "loggers": {name: {"level": "WARNING"} for name in ("daphne", "django.channels.server", "httpx", "httpcore")},
}
