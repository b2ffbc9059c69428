"""The one settings file; every value that a deployment may change is read from the environment."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alignui.embedded import paths


def _flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _json_object(name: str) -> dict[str, object]:
    given = os.environ.get(name, "").strip() or "{}"
    try:
        found = json.loads(given)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f'{name} is an object, such as {{"method": "lora"}}.')
    return found


def _shared_cache(broker_url: str) -> dict[str, object]:
    """The broker's Redis; with a broker of another kind each web process counts for itself."""
    url = broker_url.replace("redis+socket://", "unix://", 1)
    if not url.startswith(("unix://", "redis://", "rediss://")):
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "shared"}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "alignui",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError("DATABASE_URL must start with postgresql://: leases need its row locks.")
    options = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    return {
        "ENGINE": "alignui.database",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(options.pop("host", parts.hostname or "")),
        "PORT": str(parts.port or options.pop("port", "")),
        # Plans of prepared statements are made once for all values, not compared for each. What is
        # to be prepared asks for it; no number of repetitions makes it so by itself.
        "OPTIONS": {
            "options": "-c plan_cache_mode=force_generic_plan -c jit=off",
            "prepare_threshold": sys.maxsize,
        }
        | {key: unquote(value) for key, value in options.items()},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }


def _email(url: str) -> dict[str, object]:
    """How mail is sent; none is where no address of a server is given."""
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    parts = urlsplit(url)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError(
            "EMAIL_URL must be smtp://user:password@host (STARTTLS), smtps://…, smtp+plain://… "
            "or console:"
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
    }


BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = paths.var_dir()
EXPORTS_DIR = VAR_DIR / "exports"
# Converted language models are kept under its models/; several installations may share one.
MODELS_CACHE = Path(os.environ.get("ALIGNUI_MODELS_CACHE") or VAR_DIR)
CHECKPOINTS_DIR = VAR_DIR / "checkpoints"
UPLOADS_DIR = VAR_DIR / "uploads"

SECRET_KEY = os.environ.get("ALIGNUI_SECRET_KEY") or paths.secret_key(VAR_DIR)
DEBUG = _flag("ALIGNUI_DEBUG")
ALLOWED_HOSTS = _list("ALIGNUI_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _list("ALIGNUI_CSRF_TRUSTED_ORIGINS")
BEHIND_TLS = _flag("ALIGNUI_BEHIND_TLS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "annotation",
    "rewardmodel",
]

MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "alignui.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "alignui.middleware.Errors",
]

ROOT_URLCONF = "alignui.urls"
WSGI_APPLICATION = "alignui.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "alignui.context.shell",
            ],
        },
    }
]

DATABASES = {"default": _database(os.environ.get("DATABASE_URL") or paths.database_url(VAR_DIR))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "annotation.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "annotation:sign-in"
LOGIN_REDIRECT_URL = "annotation:home"
LOGOUT_REDIRECT_URL = "annotation:sign-in"
AUTHENTICATION_BACKENDS = ["annotation.web.sessions.People"]
SESSION_ENGINE = "annotation.web.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 30 if BEHIND_TLS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
# Each by its own name, so that whoever looks for it can read it.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = os.environ.get("ALIGNUI_TIME_ZONE", "UTC")
USE_I18N = USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
# Modules that import each other must not be of two versions: a browser asks again soon.
WHITENOISE_MAX_AGE = 60
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or paths.broker_url(VAR_DIR)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "shared": _shared_cache(CELERY_BROKER_URL),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["annotation.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotation.api.errors.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AlignUI",
    "DESCRIPTION": "Human preferences you can trust: collect, audit, learn from and export them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Fields of different tables share a name; the document names each set of choices apart.
    "ENUM_NAME_OVERRIDES": {
        "RunState": "annotation.models.Run.State",
        "RunKind": "annotation.models.Run.Kind",
        "BatchState": "annotation.models.Batch.State",
        "AssignmentState": "annotation.models.Assignment.State",
        "CheckpointState": "rewardmodel.models.Checkpoint.State",
        "UserKind": "annotation.models.User.Kind",
        "RewardModelKind": "annotation.models.project.RewardModelKind",
        "ComparisonKind": "annotation.models.ComparisonKind",
        "Ask": "annotation.models.Ask",
        "BatchReason": "annotation.models.Batch.Reason",
        "DisputeState": "annotation.models.Dispute.State",
        "DisputeReason": "annotation.models.Dispute.Reason",
        "MembershipState": "annotation.models.Membership.State",
        "ParticipationState": "annotation.models.Participation.State",
        "ComparisonState": "annotation.models.Comparison.State",
        "RecommendedAction": "annotation.models.PersonReport.Action",
        "QualityAction": "annotation.models.QualityRule.Action",
    },
}

# smtp://user:password@host:587 (STARTTLS), smtps://host:465, smtp+plain://host:25, console:
EMAIL_URL = os.environ.get("EMAIL_URL", "")
EMAIL_IS_SET_UP = bool(EMAIL_URL)
globals().update(_email(EMAIL_URL))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("ALIGNUI_EMAIL_FROM", "alignui@localhost")

# How people reach these pages: links in messages that no request asked for begin with it.
SITE_URL = (
    os.environ.get("ALIGNUI_SITE_URL") or next(iter(CSRF_TRUSTED_ORIGINS), "http://localhost:8000")
).rstrip("/")
WEBHOOKS_PRIVATE = _flag("ALIGNUI_WEBHOOKS_PRIVATE")

DEFAULT_MODEL = os.environ.get("ALIGNUI_MODEL", "smollm2")
# What deep training does otherwise than by default; the names are those of DeepConfig.
DEEP_TRAINING = _json_object("ALIGNUI_DEEP_TRAINING")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("ALIGNUI_LOG_LEVEL", "INFO")},
}
