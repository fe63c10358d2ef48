"""Who is asking, in which tenant, and as what: decided once per admin request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tenants.models import Membership, Role, Tenant, User

SESSION_KEY = "tenant"
_RANK = {Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}


@dataclass(frozen=True, slots=True)
class Access:
    """What the person behind a request may do. Without a tenant, a superuser only manages the platform.

    Attributes:
        tenant: the tenant that is switched on, or None while none is chosen.
        role: the role in that tenant; a superuser is an administrator everywhere.
    """

    superuser: bool
    tenant: Tenant | None = None
    role: Role | None = None

    def may(self, least: Role | None) -> bool:
        """Return whether the role in the chosen tenant is at least this one; None is what nobody may."""
        return least is not None and self.role is not None and _RANK[self.role] >= _RANK[least]


def access_of(request: HttpRequest) -> Access | None:
    """Return the access of this request, or None for somebody who has no business in the admin."""
    if not hasattr(request, "admin_access"):
        request.admin_access = _find_access(request)
    access: Access | None = request.admin_access
    return access


def _find_access(request: HttpRequest) -> Access | None:
    user = request.user
    if not user.is_active:  # anonymous people are not active either
        return None
    wanted = request.session.get(SESSION_KEY)
    return _superuser_access(wanted) if user.is_superuser else _member_access(user, wanted)


def _superuser_access(wanted: str | None) -> Access:
    tenant = Tenant.objects.filter(pk=wanted).first() if wanted else None
    if tenant is None:
        tenant = _only(list(Tenant.objects.all()[:2]))
    return Access(True, tenant, Role.ADMIN if tenant else None)


def _member_access(user: User, wanted: str | None) -> Access | None:
    memberships = list(user.memberships.select_related("tenant"))
    if not memberships:
        return None
    chosen: Membership | None = next((m for m in memberships if m.tenant_id == wanted), _only(memberships))
    return Access(False, chosen.tenant, Role(chosen.role)) if chosen else Access(False)


def _only(found: list[Any]) -> Any:
    return found[0] if len(found) == 1 else None


def tenants_open_to(user: User, text: str = "") -> QuerySet[Tenant]:
    """Return the tenants a person may switch to, those whose name or slug contains `text`."""
    tenants = Tenant.objects.all() if user.is_superuser else Tenant.objects.filter(memberships__user=user)
    if text:
        tenants = tenants.filter(Q(name__icontains=text) | Q(slug__icontains=text))
    return tenants.order_by("name", "slug")
