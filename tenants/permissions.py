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

# The least role for each deed, by the `permission_resource` that a view declares.
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
    "charging-profiles": {
        READ: Role.VIEWER,
        CREATE: Role.OPERATOR,
        CHANGE: Role.OPERATOR,
        DELETE: Role.OPERATOR,
    },
    "clients": {READ: Role.VIEWER},
    "commands": {READ: Role.VIEWER, CREATE: Role.OPERATOR},
    "tenants": {READ: Role.VIEWER, CREATE: SUPERUSER, CHANGE: SUPERUSER},
}


class RolePermission(BasePermission):
    """Compares the role of the request's user with what the view needs.

    A view names its row of the table in `permission_resource`, or brings a row of its own in `least_role`; a view
    that does neither is open to nobody. `permission_deed` overrules what the method says (a POST that changes).
    """

    message = "your role does not allow this"
    code = "permission_denied"

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the request may go on."""
        access = request.auth
        return isinstance(access, Access) and allows(access.role, _needed(view, request.method))


def allows(role: str, least: str | None) -> bool:
    """Return whether a role is at least another; `None` is out of everyone's reach."""
    return least in _RANKS and _RANKS.get(role, 0) >= _RANKS[least]


def _needed(view: Any, method: str) -> str | None:
    row = getattr(view, "least_role", None)
    if row is None:
        row = LEAST_ROLE.get(getattr(view, "permission_resource", ""), {})
    deed = getattr(view, "permission_deed", None) or (READ if method in SAFE_METHODS else _DEEDS.get(method, ""))
    least: str | None = row.get(deed)
    return least
