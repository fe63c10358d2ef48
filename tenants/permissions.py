"""Who may do what: one table. What it does not allow is refused."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.access import SUPERUSER, Access
from tenants.models import Role

READ, CREATE, CHANGE, DELETE = "read", "create", "change", "delete"

_RANKS = {Role.VIEWER.value: 1, Role.OPERATOR.value: 2, Role.ADMIN.value: 3, SUPERUSER: 4}
_DEEDS = {"POST": CREATE, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": DELETE}

# The least role for each deed, by the `permission_resource` that a view or a page of the admin declares. Nothing else
# decides who may do what; docs/security.md shows it (`manage.py roles_table`).
LEAST_ROLE: dict[str, dict[str, str]] = {
    "charge-points": {READ: Role.VIEWER, CREATE: Role.ADMIN, CHANGE: Role.ADMIN, DELETE: Role.ADMIN},
    "charge-point-credentials": {CREATE: Role.ADMIN},
    "sessions": {READ: Role.VIEWER},
    "id-tokens": {READ: Role.VIEWER, CREATE: Role.OPERATOR, CHANGE: Role.OPERATOR, DELETE: Role.ADMIN},
    "wanted-settings": {READ: Role.VIEWER, CREATE: Role.ADMIN, CHANGE: Role.ADMIN, DELETE: Role.ADMIN},
    "local-lists": {READ: Role.VIEWER, CREATE: Role.OPERATOR, CHANGE: Role.OPERATOR},
    "reservations": {READ: Role.VIEWER, CREATE: Role.OPERATOR},
    "messages": {READ: Role.OPERATOR},
    "log-files": {READ: Role.OPERATOR},
    "jobs": {READ: Role.VIEWER},
    "security-events": {READ: Role.VIEWER},
    "undelivered-events": {READ: Role.OPERATOR, CHANGE: Role.OPERATOR, DELETE: Role.ADMIN},
    "charging-profiles": {
        READ: Role.VIEWER,
        CREATE: Role.OPERATOR,
        CHANGE: Role.OPERATOR,
        DELETE: Role.OPERATOR,
    },
    "clients": {READ: Role.VIEWER},
    "commands": {READ: Role.VIEWER, CREATE: Role.OPERATOR},
    "audit-log": {READ: Role.ADMIN},
    "platform-audit-log": {READ: SUPERUSER},
    "api-keys": {READ: Role.ADMIN, CREATE: Role.ADMIN, DELETE: Role.ADMIN},
    "configuration": {READ: Role.VIEWER, CREATE: Role.OPERATOR},
    "members": {READ: Role.ADMIN, CREATE: Role.ADMIN, CHANGE: Role.ADMIN, DELETE: Role.ADMIN},
    "tenants": {READ: Role.VIEWER, CREATE: SUPERUSER, CHANGE: SUPERUSER, DELETE: SUPERUSER},
    "users": {READ: SUPERUSER, CREATE: SUPERUSER, CHANGE: SUPERUSER, DELETE: SUPERUSER},
}


class RolePermission(BasePermission):
    """Compares the role of the request's user with what the view needs.

    A view names its row of the table in `permission_resource`; a view that names none is open to nobody.
    `permission_deed` overrules what the method says (a POST that changes).
    """

    message = "your role does not allow this, or your API key is not for it"
    code = "permission_denied"

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the request may go on."""
        access = request.auth
        if not isinstance(access, Access) or not access.covers(getattr(view, "permission_resource", "")):
            return False
        return allows(access.role, _needed(view, request.method))


def least_role(resource: str, deed: str) -> str | None:
    """Return the least role that may do something to a resource; None where nobody may."""
    return LEAST_ROLE.get(resource, {}).get(deed)


def allows(role: str, least: str | None) -> bool:
    """Return whether a role is at least another; `None` is out of everyone's reach."""
    return least in _RANKS and _RANKS.get(role, 0) >= _RANKS[least]


def _needed(view: Any, method: str) -> str | None:
    deed = getattr(view, "permission_deed", None) or (READ if method in SAFE_METHODS else _DEEDS.get(method, ""))
    return least_role(getattr(view, "permission_resource", ""), deed)
