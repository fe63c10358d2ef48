"""Every address of the product that is not a WebSocket."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from csms import problems
from csms.jwks import jwks
from csms.schema_view import SchemaView
from csms.security_contact import security_txt


@csrf_exempt  # there is nothing to protect, and a page about a cookie would be no answer to a program
def api_not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer for every address under `/api/` that nothing else answers for."""
    return problems.not_found()


urlpatterns = [
    path(".well-known/jwks.json", jwks),
    path(".well-known/security.txt", security_txt),
    path("api/schema", SchemaView.as_view(), name="schema"),
    # Its script comes apart from the page, because no page may have inline scripts.
    path(
        "api/docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="schema", url_self="/api/docs", template_name="csms/swagger_ui.html"
        ),
        name="docs",
    ),
    path("api/v1/", include("csms.api")),
    re_path(r"^api(?:/|$)", api_not_found),
    path("admin/", admin.site.urls),
    path("", include("ocpp_gateway.rest")),  # `/clients`, beside `/api/v1/clients`
    path("", RedirectView.as_view(pattern_name="admin:index")),
]


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for what Django itself refuses, for example an unknown host name."""
    if request.path.startswith("/api/"):
        return problems.problem(400, "the request is malformed, or its Host is not in ALLOWED_HOSTS", "bad_request")
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for an error outside the views of the API; it is in the log."""
    if request.path.startswith("/api/"):
        return problems.problem(500, "an unexpected error, now in the server's log", "internal_error")
    return defaults.server_error(request)


handler400 = bad_request
handler500 = server_error
