"""Bearer tokens on REST requests: from here on the request acts in the token's tenant."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

from csms.api_key_form import PREFIX
from csms.problems import REALM
from tenants.access import Access, NoAccess, access_to
from tenants.api_keys import access_with_key
from tenants.audit.log_ins import actor_of
from tenants.audit.trail import act_as
from tenants.context import set_tenant
from tenants.models import User
from tenants.program import Program
from tenants.throttling import client_address
from tenants.tokens import TokenRefused, access_with_token

TENANT_HEADER = "X-Tenant"
KEY_HEADER = "X-API-Key"


class TenantAuthentication(JWTAuthentication):
    """Gives the view `request.user` and `request.auth`, an `Access`, and chooses the tenant's database.

    By an access token of a person, or an API key of a program.
    """

    www_authenticate_realm = REALM

    def authenticate(self, request: Request) -> tuple[User | Program, Access] | None:
        """Return None without either, so that the permission decides.

        Raises:
            csms.errors.CsmsError: token or key is refused (401), the tenant suspended (403) or not to be seen (404).
        """
        raw = self._credential(request)
        if raw is None:
            return None
        access = _chosen(_access(raw, request), request.headers.get(TENANT_HEADER))
        set_tenant(access.slug)
        act_as(actor_of(access.user, access.role))
        return access.user, access

    def get_raw_token(self, header: bytes) -> bytes:
        """Return what follows `Bearer`, which may be written in any case; raises TokenRefused for all else."""
        match header.strip().split(maxsplit=1):
            case [scheme, raw] if scheme.lower() == b"bearer":
                return raw
        raise TokenRefused("use 'Authorization: Bearer <access token>'")

    def _credential(self, request: Request) -> str | None:
        """Return the token or the key that a request carries."""
        key, header = request.headers.get(KEY_HEADER), self.get_header(request)
        token = self.get_raw_token(header).decode(HTTP_HEADER_ENCODING) if header else None
        if key is not None and token is not None and key != token:
            raise TokenRefused(f"send either {KEY_HEADER} or Authorization, not both")
        if key is not None and not key.startswith(PREFIX):
            raise TokenRefused(f"{KEY_HEADER} takes an API key, which begins with {PREFIX!r}")
        return token if key is None else key


def _access(raw: str, request: Request) -> Access:
    if raw.startswith(PREFIX):
        return access_with_key(raw, client_address(request))
    return access_with_token(raw)


def _chosen(access: Access, wanted: str | None) -> Access:
    """Return the access to the tenant that `X-Tenant` names; only a superuser may name another than the token's."""
    if not wanted or wanted == access.slug:
        return access
    if not isinstance(access.user, User) or not access.user.is_superuser:
        raise NoAccess("there is nothing at this address", code="not_found")
    return access_to(access.user, wanted)


class BearerScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI document, and so Swagger UI, how to log in."""

    target_class = "tenants.authentication.TenantAuthentication"
    name = ["bearer", "apiKey"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        """Return that either will do."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        """Return the security schemes."""
        bearer = {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access` token of `POST /api/v1/auth/token`, or an API key.",
        }
        key = {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": "A key of `POST /api/v1/api-keys`."}
        return [bearer, key]
