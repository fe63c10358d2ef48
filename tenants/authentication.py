"""Bearer tokens on REST requests: from here on the request acts in the token's tenant."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from csms.problems import BEARER
from tenants.access import Access, NoAccess, access_to
from tenants.audit.models import ActorKind
from tenants.audit.trail import Actor, act_as
from tenants.context import set_tenant
from tenants.models import User
from tenants.tokens import TokenRefused, claimed_access, read_access_token

TENANT_HEADER = "X-Tenant"


class TenantJWTAuthentication(BaseAuthentication):
    """Gives the view `request.user` and `request.auth`, an `Access`, and chooses the tenant's database."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        """Return None without a token, so that the permission decides.

        Raises:
            csms.errors.CsmsError: the token is refused (401), the tenant suspended (403) or not to be seen (404).
        """
        raw = _bearer_token(request)
        if raw is None:
            return None
        token, user = read_access_token(raw)
        access = _chosen(user, claimed_access(token, user), request.headers.get(TENANT_HEADER))
        set_tenant(access.slug)
        act_as(Actor(ActorKind.USER, str(user.pk), user.get_username(), access.role))
        return user, access

    def authenticate_header(self, request: Request) -> str:
        """Return the value of `WWW-Authenticate` for a 401."""
        return BEARER


def _bearer_token(request: Request) -> str | None:
    header = request.headers.get("Authorization")
    if not header:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenRefused("use 'Authorization: Bearer <access token>'")
    return token.strip()


def _chosen(user: User, access: Access, wanted: str | None) -> Access:
    """Return the access to the tenant that `X-Tenant` names; only a superuser may name another than the token's."""
    if not wanted or wanted == access.slug:
        return access
    if not user.is_superuser:
        raise NoAccess("there is nothing at this address", code="not_found")
    return access_to(user, wanted)


class BearerScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI document, and so Swagger UI, how to log in."""

    target_class = "tenants.authentication.TenantJWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access` token of `POST /api/v1/auth/token`.",
        }
