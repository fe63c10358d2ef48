"""Who is asking, in which tenant, and as what: decided once per admin request.

The same rules as for REST tokens (`tenants.access`), with a choice kept in the session instead of a claim.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tenants.access import SUPERUSER, Access
from tenants.models import Membership, Tenant, User

SESSION_KEY = "tenant"
NO_ROLE = ""


def access_of(request: HttpRequest) -> Access | None:
    """Return the access of this request, or None for somebody who has no business in the admin.

    Without a tenant in it, none is chosen yet; a superuser still manages the platform then.
    """
    if not hasattr(request, "admin_access"):
        request.admin_access = _find_access(request)
    access: Access | None = request.admin_access
    return access


def is_superuser(request: HttpRequest) -> bool:
    """Return whether the platform itself is this person's to manage."""
    access = access_of(request)
    return access is not None and access.role == SUPERUSER


def _find_access(request: HttpRequest) -> Access | None:
    user = request.user
    if not user.is_active:  # anonymous people are not active either
        return None
    wanted = request.session.get(SESSION_KEY)
    return _superuser_access(user, wanted) if user.is_superuser else _member_access(user, wanted)


def _superuser_access(user: User, wanted: str | None) -> Access:
    tenant = Tenant.objects.filter(pk=wanted).first() if wanted else None
    return Access(user, tenant or _only(list(Tenant.objects.all()[:2])), SUPERUSER)


def _member_access(user: User, wanted: str | None) -> Access | None:
    memberships = list(user.memberships.select_related("tenant"))
    if not memberships:
        return None
    usable = [m for m in memberships if m.tenant.status == Tenant.Status.ACTIVE]
    chosen: Membership | None = next((m for m in usable if m.tenant_id == wanted), _only(usable))
    return Access(user, chosen.tenant, chosen.role) if chosen else Access(user, None, NO_ROLE)


def _only(found: list[Any]) -> Any:
    return found[0] if len(found) == 1 else None


def tenants_of(user: User, text: str = "") -> QuerySet[Tenant]:
    """Return the tenants a person belongs to, all for a superuser, those whose name or slug contains `text`."""
    tenants = Tenant.objects.all() if user.is_superuser else Tenant.objects.filter(memberships__user=user)
    if text:
        tenants = tenants.filter(Q(name__icontains=text) | Q(slug__icontains=text))
    return tenants.order_by("name", "slug")


def may_enter(user: User, tenant: Tenant) -> bool:
    """Return whether one of a person's tenants is open: suspended ones are to superusers only."""
    return bool(user.is_superuser) or tenant.status == Tenant.Status.ACTIVE
