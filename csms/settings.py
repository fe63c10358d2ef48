"""Django settings, flat and read from the environment; `docs/settings.md` explains each variable."""

from __future__ import annotations

import os
import socket
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_mongodb_backend
from django.templatetags.static import static

from csms import env
from csms.admin_colours import TEAL
from csms.mongodb_uri import check_tenant_uri, check_uri
from csms.redis_address import check_address
from csms.signing_keys import key_pair, shared_secret
from csms.version import VERSION

BASE_DIR = Path(__file__).resolve().parent.parent

# -- Process -----------------------------------------------------------------------------------

DEBUG = env.boolean("DEBUG", False)
DEVELOPMENT_SECRET = "insecure-development-secret-not-for-production-use"
SECRET_KEY = env.secret("SECRET_KEY", DEVELOPMENT_SECRET) or DEVELOPMENT_SECRET
JWT_SECRET = env.secret("JWT_SECRET", DEVELOPMENT_SECRET) or DEVELOPMENT_SECRET
JWT_PRIVATE_KEY = env.secret("JWT_PRIVATE_KEY")
JWT_PUBLIC_KEYS = env.secret("JWT_PUBLIC_KEYS")
JWT_ACCESS_LIFETIME = env.duration("JWT_ACCESS_LIFETIME", "30m")
JWT_REFRESH_LIFETIME = env.duration("JWT_REFRESH_LIFETIME", "7d")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", "")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "")
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8081").rstrip("/")
HTTP_HOST = env.text("HTTP_HOST", "127.0.0.1")
HTTP_PORT = env.integer("HTTP_PORT", 8081, low=0, high=65535)
HTTP_UNFINISHED_PER_ADDRESS = env.integer("HTTP_UNFINISHED_PER_ADDRESS", 1000)
HTTP_PLAIN = env.boolean("HTTP_PLAIN", True)
CLIENT_CERTIFICATE_HEADER = env.text("CLIENT_CERTIFICATE_HEADER", "")
TLS_PORT = env.integer("TLS_PORT", 8443, low=0, high=65535)
TLS_CERTIFICATES = env.names("TLS_CERTIFICATES", "")
TLS_KEYS = env.names("TLS_KEYS", "")
if TLS_KEYS and len(TLS_KEYS) != len(TLS_CERTIFICATES):
    raise env.SettingError(
        "TLS_KEYS needs as many files as TLS_CERTIFICATES, in the same order; without it, each key is looked for in"
        " the file of its certificate"
    )
CSMS_SERVER = env.choice("CSMS_SERVER", "daphne", ("daphne", "uvicorn"))
CSMS_INSTANCE_ID = env.text("CSMS_INSTANCE_ID", f"{socket.gethostname()}-{os.getpid()}")
AUDIT_RETENTION = env.duration("AUDIT_RETENTION", "365d")
LOGIN_FAILURES_PER_USER = env.integer("LOGIN_FAILURES_PER_USER", 10, low=1)
METRICS_TOKEN = env.secret("METRICS_TOKEN") or ""
if 0 < len(METRICS_TOKEN) < 16:
    raise env.SettingError(
        "METRICS_TOKEN is shorter than 16 characters: set it to the output of `openssl rand -hex 32`"
    )
PUBLISHER_METRICS_PORT = env.integer("PUBLISHER_METRICS_PORT", 0, high=65535)
if PUBLISHER_METRICS_PORT and not METRICS_TOKEN:
    raise env.SettingError("PUBLISHER_METRICS_PORT is set and METRICS_TOKEN is not: nobody could see the metrics")
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FORMAT = env.choice("LOG_FORMAT", "console" if DEBUG else "json", ("console", "json"))

_OFFLINE_COMMANDS = {"makemigrations", "check", "collectstatic", "spectacular", "help", "test"}
if not DEBUG and not _OFFLINE_COMMANDS.intersection(sys.argv[1:2]):
    for _name, _value in (("SECRET_KEY", SECRET_KEY), ("JWT_SECRET", JWT_SECRET)):
        if _name == "JWT_SECRET" and JWT_PRIVATE_KEY:
            continue  # the private key signs instead
        if _value == DEVELOPMENT_SECRET or len(_value) < 32:
            raise env.SettingError(
                f"{_name} is missing or shorter than 32 characters. Set it (for example to the output of"
                " `openssl rand -hex 32`), or set DEBUG=true on a development machine."
            )

try:
    JWT_KEYS = key_pair(JWT_PRIVATE_KEY, JWT_PUBLIC_KEYS or "") if JWT_PRIVATE_KEY else shared_secret(JWT_SECRET)
except ValueError as _error:
    raise env.SettingError(f"JWT_PRIVATE_KEY or JWT_PUBLIC_KEYS: {_error}") from None

# -- OCPP --------------------------------------------------------------------------------------

OCPP_MAX_MESSAGE_BYTES = env.integer("OCPP_MAX_MESSAGE_BYTES", 1024 * 1024, low=1024)
OCPP_CALL_TIMEOUT = env.duration("OCPP_CALL_TIMEOUT", "30s")
OCPP_PING_INTERVAL = env.duration("OCPP_PING_INTERVAL", "60s")
OCPP_READ_AHEAD = env.integer("OCPP_READ_AHEAD", 16, low=1, high=1024)
OCPP_STATION_MESSAGE_RATE = env.integer("OCPP_STATION_MESSAGE_RATE", 200)
OCPP_TENANT_MESSAGE_RATE = env.integer("OCPP_TENANT_MESSAGE_RATE", 5000)
OCPP_LOGIN_FAILURES = env.integer("OCPP_LOGIN_FAILURES", 10)
OCPP_LOGIN_FAILURES_PER_ADDRESS = env.integer("OCPP_LOGIN_FAILURES_PER_ADDRESS", 100)
OCPP_LOGIN_BLOCK = env.duration("OCPP_LOGIN_BLOCK", "30s")
OCPP_LOGIN_BLOCK_LONGEST = env.duration("OCPP_LOGIN_BLOCK_LONGEST", "5m")
OCPP_FLAPPING_CONNECTS = env.integer("OCPP_FLAPPING_CONNECTS", 20)
OCPP_FLAPPING_CONNECTS_PER_ADDRESS = env.integer("OCPP_FLAPPING_CONNECTS_PER_ADDRESS", 1000)
OCPP_FLAPPING_BLOCK = env.duration("OCPP_FLAPPING_BLOCK", "60s")
OCPP_SOCKETS_PER_ADDRESS = env.integer("OCPP_SOCKETS_PER_ADDRESS", 10_000)
OCPP_SOCKETS_PER_TENANT = env.integer("OCPP_SOCKETS_PER_TENANT", 0)
OCPP_HANDSHAKES_AT_ONCE = env.integer("OCPP_HANDSHAKES_AT_ONCE", 1000)
OCPP_CONNECTS_PER_SECOND = env.integer("OCPP_CONNECTS_PER_SECOND", 1000)
TENANT_SUSPEND_GRACE = env.duration("TENANT_SUSPEND_GRACE", "10m")
LOG_UPLOAD_MAX_BYTES = env.integer("LOG_UPLOAD_MAX_BYTES", 64 * 1024 * 1024, low=1024)
LOG_UPLOAD_LIFETIME = env.duration("LOG_UPLOAD_LIFETIME", "2d")
HOUSEKEEPING_INTERVAL = env.duration("HOUSEKEEPING_INTERVAL", "5s")
if HOUSEKEEPING_INTERVAL > 60:
    raise env.SettingError(f"HOUSEKEEPING_INTERVAL={HOUSEKEEPING_INTERVAL:.0f}s is longer than a minute")
STATION_URL_SCHEMES = env.names("STATION_URL_SCHEMES", "https,http,ftp,ftps,sftp")
STATION_URL_PRIVATE = env.boolean("STATION_URL_PRIVATE", False)
STATION_URL_CREDENTIALS = env.boolean("STATION_URL_CREDENTIALS", True)
CA_DIRECTORY = env.text("CA_DIRECTORY", "")
CERTIFICATE_LIFETIME = env.duration("CERTIFICATE_LIFETIME", "365d")
CERTIFICATE_SIGNER = env.text("CERTIFICATE_SIGNER", "")
CERTIFICATE_SIGNER_COMMAND = env.text("CERTIFICATE_SIGNER_COMMAND", "")
CERTIFICATE_SIGNER_URL = env.text("CERTIFICATE_SIGNER_URL", "")
CERTIFICATE_SIGNER_TOKEN = env.secret("CERTIFICATE_SIGNER_TOKEN", "") or ""
CERTIFICATE_SIGNER_CA = env.text("CERTIFICATE_SIGNER_CA", "")
CERTIFICATE_SIGNER_TIMEOUT = env.duration("CERTIFICATE_SIGNER_TIMEOUT", "10s")
if bool(CERTIFICATE_SIGNER) + bool(CERTIFICATE_SIGNER_COMMAND) + bool(CERTIFICATE_SIGNER_URL) > 1:
    raise env.SettingError("set one of CERTIFICATE_SIGNER, CERTIFICATE_SIGNER_COMMAND and CERTIFICATE_SIGNER_URL")
if CERTIFICATE_SIGNER_URL and not CERTIFICATE_SIGNER_URL.startswith(("https://", "http://")):
    raise env.SettingError("CERTIFICATE_SIGNER_URL is not an http:// or https:// URL")
STORAGE_TIMEOUT = env.duration("STORAGE_TIMEOUT", "20s")

# -- MongoDB -----------------------------------------------------------------------------------

MONGODB_URI = env.secret("MONGODB_URI", "mongodb://127.0.0.1:27017/?replicaSet=rs0") or ""
MONGODB_GLOBAL_DATABASE = env.text("MONGODB_GLOBAL_DATABASE", "ocpp_global")
MONGODB_TENANT_PREFIX = env.text("MONGODB_TENANT_PREFIX", "ocpp_tenant_")
MONGODB_MAX_POOL_SIZE = env.integer("MONGODB_MAX_POOL_SIZE", 20, low=1)
check_uri("MONGODB_URI", MONGODB_URI)
MONGODB_TENANT_URI = env.secret("MONGODB_TENANT_URI") or ""
MONGODB_TENANT_PASSWORD_KEY = env.secret("MONGODB_TENANT_PASSWORD_KEY") or ""
MONGODB_TENANT_POOL_SIZE = env.integer("MONGODB_TENANT_POOL_SIZE", 4, low=1)
check_tenant_uri(MONGODB_TENANT_URI, MONGODB_TENANT_PASSWORD_KEY)

DATABASE_ENGINE = "tenants.mongodb"
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": DATABASE_ENGINE,
        "HOST": MONGODB_URI,
        "NAME": MONGODB_GLOBAL_DATABASE,
        "OPTIONS": {},
        # Tests run on a database of their own server: the name needs no prefix.
        "TEST": {"NAME": MONGODB_GLOBAL_DATABASE},
    }
}
DATABASE_ROUTERS = ["tenants.routing.TenantRouter"]
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
MIGRATION_MODULES = {
    "admin": "csms.contrib_migrations.admin",
    "auth": "csms.contrib_migrations.auth",
    "contenttypes": "csms.contrib_migrations.contenttypes",
}

# -- Redis -------------------------------------------------------------------------------------

REDIS_ADDR = env.text("REDIS_ADDR", "127.0.0.1:6379")
REDIS_PASSWORD = env.secret("REDIS_PASSWORD")
REDIS_SENTINEL_PASSWORD = env.secret("REDIS_SENTINEL_PASSWORD")
REDIS_DB = env.integer("REDIS_DB", 0, high=1023)
check_address(REDIS_ADDR, REDIS_DB)
REDIS_DISTRIBUTED_STATE = env.boolean("REDIS_DISTRIBUTED_STATE", True)
REDIS_STATE_PREFIX = env.text("REDIS_STATE_PREFIX", "ocpp")
REDIS_STATE_TTL = env.duration("REDIS_STATE_TTL", "30s")

# -- MQTT --------------------------------------------------------------------------------------

MQTT_BROKER_URL = env.text("MQTT_BROKER_URL", "tcp://127.0.0.1:1883")
MQTT_USERNAME = env.text("MQTT_USERNAME", "")
MQTT_PASSWORD = env.secret("MQTT_PASSWORD")
# Where whoever writes to an outbox nudges the publisher process.
OUTBOX_CHANNEL = f"{REDIS_STATE_PREFIX}:outbox"

# -- Applications ------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "tenants.admin_site.app.OperatorAdminConfig",
    "csms.contrib_apps.MongoAuthConfig",
    "csms.contrib_apps.MongoContentTypesConfig",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csms",
    "events",
    "tenants",
    "tenants.audit.apps.AuditConfig",
    "chargepoints",
    "sessions_app",
    "ocpp_gateway",
    # Your own: receivers of facts, handlers of vendors' messages.
    *env.names("EXTRA_APPS", ""),
]
MIDDLEWARE = [
    "csms.security_headers.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tenants.middleware.TenantMiddleware",
]
ROOT_URLCONF = "csms.urls"
ASGI_APPLICATION = "csms.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "csms" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_USER_MODEL = "tenants.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".csms" / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# -- Browsers ----------------------------------------------------------------------------------

OVER_TLS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OVER_TLS
SECURE_SSL_REDIRECT = env.boolean("HTTPS_REDIRECT", True) and OVER_TLS
SECURE_HSTS_SECONDS = int(env.duration("HSTS_LIFETIME", "365d")) * OVER_TLS
SECURITY_CONTACT = env.uris("SECURITY_CONTACT", "", ("https", "mailto", "tel"))
# W005 and W021 want HSTS for all subdomains and for good: that is for the owner of the domain to say, at his proxy.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# -- REST --------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.authentication.TenantAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.permissions.RolePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.throttling.TenantRateThrottle"],
    # Failed log-ins per minute and address; requests per minute are a setting of each tenant.
    "DEFAULT_THROTTLE_RATES": {"login": f"{env.integer('LOGIN_FAILURES_PER_MINUTE', 20, low=1)}/min"},
    "DEFAULT_SCHEMA_CLASS": "csms.openapi.ApiSchema",
    "DEFAULT_PAGINATION_CLASS": "csms.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["csms.query_filters.StrictFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["csms.strict_json.StrictJSONParser"],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "csms.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
# The keys are not here: JWT_KEYS has several, and these classes sign and check with them.
SIMPLE_JWT = {
    "AUTH_TOKEN_CLASSES": ["tenants.signed_tokens.AccessToken"],
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=JWT_ACCESS_LIFETIME),
    "REFRESH_TOKEN_LIFETIME": timedelta(seconds=JWT_REFRESH_LIFETIME),
    "ISSUER": "csms",
    "AUDIENCE": "csms-api",
    # Seconds: the clocks of two instances are never quite the same.
    "LEEWAY": 5,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CSMS REST API",
    "DESCRIPTION": "Charging stations, sessions, meter values and id tokens of one tenant.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # No validator: Swagger UI would show the address of the document to somebody else's server.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["csms.openapi.once_per_operation"],
    "ENUM_NAME_OVERRIDES": {
        "ChargingProfilePurposeEnum": "chargepoints.models.ChargingProfile.Purpose",
        "ChargingProfileKindEnum": "chargepoints.models.ChargingProfile.Kind",
        "ConnectorStateEnum": "chargepoints.models.ConnectorState",
        "RegistrationEnum": "chargepoints.models.Registration",
        "SessionStatusEnum": "sessions_app.models.ChargingSession.Status",
        "IdTokenStatusEnum": "sessions_app.models.IdToken.Status",
        "IdTokenTypeEnum": "sessions_app.models.IdToken.Kind",
        "LocalListModeEnum": "sessions_app.models.LocalList.Mode",
        "ReservationStateEnum": "chargepoints.models.ReservationState",
        "FirmwareStatusEnum": "chargepoints.models.FirmwareStatus",
        "LogStatusEnum": "chargepoints.models.LogStatus",
        "FrameKindEnum": "chargepoints.models.FrameKind",
        "DirectionEnum": "chargepoints.models.Direction",
        "CertificateStatusEnum": "chargepoints.models.CertificateStatus",
        "LogKindEnum": "chargepoints.models.LogKind",
        "ActorKindEnum": "tenants.audit.models.ActorKind",
        "AuditViaEnum": "tenants.audit.models.Via",
        "RoleEnum": "tenants.roles.Role",
        "ApiKeyStateEnum": "tenants.api_key.STATES",
        "TenantStatusEnum": "tenants.models.Tenant.Status",
    },
    "TAGS": [
        {"name": "auth", "description": "Tokens for people and programs."},
        {"name": "chargepoints", "description": "What is installed, and its live state."},
        {"name": "sessions", "description": "What was charged."},
        {"name": "id-tokens", "description": "Who may charge."},
        {"name": "firmware-jobs", "description": "Firmware updates of stations."},
        {"name": "log-jobs", "description": "Diagnostics and logs that stations upload."},
        {"name": "certificate-requests", "description": "Certificates that stations ask for."},
        {"name": "security-events", "description": "What stations report about their security."},
        {"name": "local-lists", "description": "The tokens that stations hold for themselves."},
        {"name": "reservations", "description": "Connectors kept for somebody."},
        {"name": "charging-profiles", "description": "Limits on what may be drawn."},
        {"name": "wanted-settings", "description": "How stations are to be set."},
        {"name": "clients", "description": "The stations connected now."},
        {"name": "api-keys", "description": "Keys with which programs use this API."},
        {"name": "audit-log", "description": "Who did what."},
        {"name": "tenants", "description": "The platform's tenants; for its superuser."},
    ],
}

# -- Cache -------------------------------------------------------------------------------------

# Rate limits are counted in the cache, so with several instances it must be the shared one.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # Beyond this many entries a third is thrown out at random, and with it somebody's count.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
if REDIS_DISTRIBUTED_STATE:
    CACHES["default"] = {
        "BACKEND": "csms.shared_cache.SharedRedisCache",
        "LOCATION": "REDIS_ADDR",
        "KEY_PREFIX": REDIS_STATE_PREFIX,
    }

# -- Admin -------------------------------------------------------------------------------------

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "CSMS",
    "SITE_HEADER": "CSMS",
    "SITE_SUBHEADER": "Charging network",
    "SITE_SYMBOL": "ev_station",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "tenants.admin_site.site.current_tenant_badge",
    "DASHBOARD_CALLBACK": "sessions_app.admin.dashboard.dashboard",
    "SIDEBAR": {"navigation": "csms.admin_menu.navigation"},
    "STYLES": [lambda request: static("csms/admin.css")],
    "SCRIPTS": [lambda request: static("csms/admin.js")],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("csms/icon.svg")},
    ],
    "COLORS": {"primary": TEAL},
}

LOGGING_CONFIG = "csms.logs.configure"
LOGGING = {"level": LOG_LEVEL, "format": LOG_FORMAT}
_ = django_mongodb_backend  # the engine of tenants.mongodb; imported so that a missing package fails here
