"""No request inherits a tenant, or somebody's name, from the one before it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants.audit.models import Via
from tenants.audit.trail import Trail, audit_trail
from tenants.context import tenant_scope
from tenants.throttling import client_address


class TenantMiddleware:
    """Starts every request without a tenant and with an empty trail; token or admin fill in both."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        via = Via.REST if request.path.startswith("/api/") else Via.ADMIN
        with tenant_scope(None), audit_trail(Trail(via, client_address(request))):
            return self.get_response(request)
