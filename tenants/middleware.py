"""No request inherits a tenant from the one before it."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants.context import tenant_scope


class TenantMiddleware:
    """Starts every request without a tenant; the token's or the admin's own step chooses one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with tenant_scope(None):
            return self.get_response(request)
