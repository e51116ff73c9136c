"""Every setting of SafyCore. Variables come from the environment or from `.env`; docs/configuration.md lists them."""

import logging
import math
import re
import sys
from pathlib import Path

import structlog
from dotenv import load_dotenv

from safycore_backend import api_description
from safycore_backend.environment import (
    POSTGRES,
    Environment,
    host_of,
    is_this_machine,
    postgres_entry,
    several_processes_without_a_cache,
)
from safycore_backend.log_format import SHARED_PROCESSORS

BASE_DIR = Path(__file__).resolve().parent.parent
load_dotenv(BASE_DIR / ".env")
env = Environment()

# Django

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.required(
    "DJANGO_SECRET_KEY",
    "a random secret of at least 32 characters, for example from: "
    "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
    minimum=32,
)
SITE_URL = env.url("SITE_URL", "http://127.0.0.1:8000", ("http", "https"))
if DEBUG and not is_this_machine(SITE_URL):
    env.problem("DEBUG shows internals to whoever meets an error: leave it out, or use an address of this machine.")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", host_of(SITE_URL))
ROOT_URLCONF = "safycore_backend.urls"
ASGI_APPLICATION = "safycore_backend.asgi.application"
INSTALLED_APPS = [
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "safycore_backend",
    "users",
    "chat",
]
# Each of these is async: one that is not would cost every request a change of thread.
MIDDLEWARE = [
    "safycore_backend.middleware.RequestIdMiddleware",
    "safycore_backend.middleware.AsyncSecurityMiddleware",
    "safycore_backend.web_app.WebAppMiddleware",
    "safycore_backend.middleware.ExactCorsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
# The built web app. Set to nothing, or to a folder without a page, the API runs alone.
WEB_APP_DIR = env.text("WEB_APP_DIR", str(BASE_DIR / "frontend" / "dist"))
APPEND_SLASH = False
# Bodies are cut off before Django sees them (asgi.py); this is the same limit for whoever runs another server.
MAX_BODY_BYTES = env.integer("MAX_BODY_BYTES", 1_000_000, minimum=1_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # ours is a subclass; checks.py asks in its place
    "security.W002",  # headers.py forbids frames on every answer, those that Django never sees among them
    "security.W003",  # there are no cookies to protect
    "security.W005",  # subdomains and the preload list are for whoever owns the domain to decide
    "security.W021",
]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_HSTS_SECONDS = 31_536_000 if SITE_URL.startswith("https://") else 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
BEHIND_PROXY = env.flag("BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = SITE_URL.startswith("https://") and not DEBUG

CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_ALLOW_HEADERS = ["authorization", "content-type", "accept", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = [
    *("x-request-id", "x-session-id", "x-message-id"),
    *("retry-after", "ratelimit", "ratelimit-policy"),
    "content-disposition",
]
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_PREFLIGHT_MAX_AGE = 3600

CACHE_URL = env.url("CACHE_URL", "", ("redis", "rediss"))
CACHES = {
    "default": {
        "BACKEND": f"safycore_backend.{'shared_cache.SharedCache' if CACHE_URL else 'cache.InProcessCache'}",
        "LOCATION": CACHE_URL or "safycore",
        "KEY_PREFIX": "safycore",
        # Of what lies in memory. Limits and ended sessions are counted there: what is culled is let through again.
        "OPTIONS": {"MAX_ENTRIES": 200_000},
    }
}

# deploy/gunicorn.conf.py binds to it; our own server and `make up` are told otherwise.
BIND = env.text("BIND") or "127.0.0.1:8000"
# gunicorn reads WEB_CONCURRENCY as well; what its command line says instead, its worker checks (gunicorn_worker.py).
WEB_CONCURRENCY = env.integer("WEB_CONCURRENCY", 1, minimum=1)
INSTANCES = env.integer("INSTANCES", 1, minimum=1)
if WEB_CONCURRENCY * INSTANCES > 1 and not CACHE_URL:
    env.problem(several_processes_without_a_cache(WEB_CONCURRENCY * INSTANCES))

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.authentication.SupabaseAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["safycore_backend.media.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["safycore_backend.media.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "safycore_backend.openapi_schema.Schema",
    # OPTIONS of the reference would ask for a page that is not there.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "safycore_backend.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `?format=markdown` is ours
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SafyCore",
    "DESCRIPTION": api_description.DESCRIPTION,
    "VERSION": "0.1.0",
    "LICENSE": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    # Wherever the document is read from: behind any proxy, that is the server itself.
    "SERVERS": [{"url": "/", "description": "This server"}],
    "TAGS": api_description.TAGS,
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Its badge would send the document's address to somebody else's validator.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    # What a PATCH needs and what it may leave out, its serializer says.
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# Supabase

SUPABASE_URL = env.url("SUPABASE_URL", "", ("http", "https"))
if not env.text("SUPABASE_URL"):
    env.problem("Set SUPABASE_URL to your project's address, such as https://abcdefgh.supabase.co.")
SUPABASE_KEY = env.required("SUPABASE_KEY", "your project's publishable (or anon) key")
SUPABASE_SECRET_KEY = env.text("SUPABASE_SECRET_KEY")
SUPABASE_JWT_SECRET = env.text("SUPABASE_JWT_SECRET")
if SUPABASE_JWT_SECRET and len(SUPABASE_JWT_SECRET) < 32:
    env.problem("SUPABASE_JWT_SECRET is shorter than 32 characters: copy the whole secret, or leave it out.")
# An issuer that is set to nothing says: these tokens carry none, and one that does is refused.
SUPABASE_JWT_ISSUER = env.text("SUPABASE_JWT_ISSUER", f"{SUPABASE_URL}/auth/v1")
SUPABASE_TIMEOUT = env.seconds("SUPABASE_TIMEOUT", 5)
SUPABASE_DB_URL = env.url("SUPABASE_DB_URL", "", POSTGRES)
SUPABASE_DB_ADMIN_URL = env.url("SUPABASE_DB_ADMIN_URL", SUPABASE_DB_URL, POSTGRES)
SUPABASE_DB_POOL_SIZE = env.integer("SUPABASE_DB_POOL_SIZE", 10, minimum=1)
SUPABASE_DB_TIMEOUT = env.seconds("SUPABASE_DB_TIMEOUT", 2)

# Django's own database. In Postgres requests log in as safycore_app, and only commands as the owner of the tables.

DATABASE_URL = env.text("DATABASE_URL")
DATABASE_ADMIN_URL = env.url("DATABASE_ADMIN_URL", SUPABASE_DB_ADMIN_URL, POSTGRES)
DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 5, minimum=1)
DATABASES = {"default": env.database("DATABASE_URL", BASE_DIR / "db.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["owner"] = postgres_entry(DATABASE_ADMIN_URL or DATABASE_URL)
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True  # a transaction pooler would lose them
    DATABASES["default"]["OPTIONS"] |= {
        "application_name": "safycore-django",
        "connect_timeout": math.ceil(SUPABASE_DB_TIMEOUT),
        "pool": {
            "min_size": 1,
            "max_size": DATABASE_POOL_SIZE,
            "timeout": SUPABASE_DB_TIMEOUT,
            "reconnect_timeout": 4,
            "num_workers": 1,
        },
    }

# The model

GROQ_API_KEY = env.required("GROQ_API_KEY", "your Groq API key (or any word, for a server that asks for none)")
GROQ_BASE_URL = env.url("GROQ_BASE_URL", "https://api.groq.com", ("http", "https"))
if "@" in GROQ_BASE_URL:
    env.problem("GROQ_BASE_URL must not hold a user and a password: what its server asks for goes into GROQ_API_KEY.")
GROQ_MODEL = env.text("GROQ_MODEL") or "openai/gpt-oss-120b"
GROQ_MODELS = list(dict.fromkeys([GROQ_MODEL, *env.words("GROQ_MODELS", "openai/gpt-oss-20b")]))
GROQ_CONNECT_TIMEOUT = env.seconds("GROQ_CONNECT_TIMEOUT", 5)
GROQ_FIRST_TOKEN_TIMEOUT = env.seconds("GROQ_FIRST_TOKEN_TIMEOUT", 30)
GROQ_IDLE_TIMEOUT = env.seconds("GROQ_IDLE_TIMEOUT", 20)
GROQ_REPLY_TIMEOUT = env.seconds("GROQ_REPLY_TIMEOUT", 300)
GROQ_MAX_COMPLETION_TOKENS = env.integer("GROQ_MAX_COMPLETION_TOKENS", 8_192, minimum=1)

# The chat

SYSTEM_PROMPT = env.text(
    "SYSTEM_PROMPT",
    "You are a helpful assistant. Answer in the language of the question, clearly and briefly.",
)
HISTORY_TOKEN_BUDGET = env.integer("HISTORY_TOKEN_BUDGET", 6_000)
TRAINING_DATA_MAX_CHARS = env.integer("TRAINING_DATA_MAX_CHARS", 100_000, minimum=1)
CHECKPOINT_SECONDS = env.seconds("CHECKPOINT_SECONDS", 0.9)
MAX_REPLIES = env.integer("MAX_REPLIES", 1_000, minimum=1)
MAX_DELAY_SECONDS = env.seconds("MAX_DELAY_SECONDS", 0.1)
MAX_REPLIES_PER_PERSON = env.integer("MAX_REPLIES_PER_PERSON", 10, minimum=1)
LINGER_SECONDS = env.seconds("LINGER_SECONDS", 7, minimum=0)
DRAIN_SECONDS = env.seconds("DRAIN_SECONDS", 20, minimum=0)
DRAIN_NOTICE_SECONDS = env.seconds("DRAIN_NOTICE_SECONDS", 0, minimum=0)
SSE_PING_SECONDS = env.seconds("SSE_PING_SECONDS", 15)

# Doors: how many tries in how many seconds

TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
if BEHIND_PROXY and not TRUSTED_PROXIES:
    env.problem(
        "BEHIND_PROXY without TRUSTED_PROXIES counts everybody as one address, the proxy's: set TRUSTED_PROXIES to how "
        "many proxies of yours add to X-Forwarded-For, usually 1."
    )
AUTH_MINIMUM_SECONDS = env.seconds("AUTH_MINIMUM_SECONDS", 1, minimum=0)
LIMIT_LOGIN_PER_ADDRESS = env.rate("LIMIT_LOGIN_PER_ADDRESS", "30/60")
LIMIT_LOGIN_PER_ACCOUNT = env.rate("LIMIT_LOGIN_PER_ACCOUNT", "10/60")
LIMIT_SIGNUP_PER_ADDRESS = env.rate("LIMIT_SIGNUP_PER_ADDRESS", "20/3600")
LIMIT_SIGNUP_PER_ACCOUNT = env.rate("LIMIT_SIGNUP_PER_ACCOUNT", "10/3600")
LIMIT_MAIL_PER_ACCOUNT = env.rate("LIMIT_MAIL_PER_ACCOUNT", "3/600")
LIMIT_MESSAGES_PER_PERSON = env.rate("LIMIT_MESSAGES_PER_PERSON", "60/60")
LIMIT_TOKENS_PER_PERSON = env.rate("LIMIT_TOKENS_PER_PERSON", "2000000/86400")
LIMIT_REFRESH_PER_ADDRESS = env.rate("LIMIT_REFRESH_PER_ADDRESS", "120/60")
LIMIT_EXPORT_PER_PERSON = env.rate("LIMIT_EXPORT_PER_PERSON", "5/3600")
LIMIT_REFRESH_PER_ACCOUNT = env.rate("LIMIT_REFRESH_PER_ACCOUNT", "30/60")
LIMIT_TOKEN_CHECKS_PER_ADDRESS = env.rate("LIMIT_TOKEN_CHECKS_PER_ADDRESS", "60/60")

# Logs: structured, one line an event, never content.

_FOR_PEOPLE = DEBUG or sys.stderr.isatty()
LOG_FORMAT = env.choice("LOG_FORMAT", "console" if _FOR_PEOPLE else "json", ("json", "console"))
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
ACCESS_LOG = env.flag("ACCESS_LOG", default=True)

# For whoever watches: metrics to whoever has the token, traces to where they are wanted.

METRICS_TOKEN = env.text("METRICS_TOKEN")
if METRICS_TOKEN and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{32,}", METRICS_TOKEN):
    env.problem("METRICS_TOKEN must have 32 characters or more, letters and digits, or be left out.")
OTEL_EXPORTER_OTLP_ENDPOINT = env.url("OTEL_EXPORTER_OTLP_ENDPOINT", "", ("http", "https"))
OTEL_SERVICE_NAME = env.text("OTEL_SERVICE_NAME", "safycore")
TRACE_PARENT_FROM_CLIENTS = env.flag("TRACE_PARENT_FROM_CLIENTS")

env.refuse()

# Nothing is told of where in the code a line comes from, so nothing is looked up ("Optimization" in the logging HOWTO).
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging._srcfile = None  # noqa: SLF001

structlog.configure(
    processors=[*SHARED_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"structured": {"()": "safycore_backend.log_format.structured_formatter", "form": LOG_FORMAT}},
    "filters": {"route_for_path": {"()": "safycore_backend.log_filters.RouteForPath"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # These tell URLs, statement by statement; they would fill the log and carry ids.
    "loggers": {
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "groq": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["route_for_path"]},
        # Anybody can send these, as often as they like: they are answered, and no traceback of ours.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.TooManyFieldsSent": {"level": "CRITICAL"},
    },
}
