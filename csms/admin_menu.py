"""The sidebar of the admin: what the person may open in the chosen tenant."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from tenants.admin_site.access import access_of, is_superuser
from tenants.permissions import READ, allows, least_role

Group = dict[str, Any]


def navigation(request: HttpRequest) -> list[Group]:
    """Return the groups of the sidebar; named in the settings as unfold's navigation."""
    access = access_of(request)
    if access is None:
        return []
    groups: list[Group] = []
    if access.tenant is not None:
        groups.append(_group(access.tenant.name, _TENANT_PAGES))
        if allows(access.role, least_role("members", READ)):
            groups[-1]["items"].append(_item("Members", "group", "tenants_membership_changelist"))
        if allows(access.role, least_role("undelivered-events", READ)):
            groups[-1]["items"].append(_item("Undelivered events", "unsubscribe", "events_undeliveredevent_changelist"))
        if allows(access.role, least_role("api-keys", READ)):
            groups[-1]["items"].append(_item("API keys", "key", "tenants_apikey_changelist"))
        if allows(access.role, least_role("audit-log", READ)):
            groups[-1]["items"].append(_item("Audit log", "history", "audit_auditentry_changelist"))
    else:
        groups.append(_group("", (("Choose a tenant", "apartment", "tenant"),)))
    if is_superuser(request):
        groups.append(_group("Platform", _PLATFORM_PAGES))
    groups.append(_group("Account", _OWN_PAGES))
    return groups


_OWN_PAGES = (("Second factor", "lock", "second_factor"),)
_TENANT_PAGES = (
    ("Dashboard", "dashboard", "index"),
    ("Charge points", "ev_station", "chargepoints_chargepoint_changelist"),
    ("Commands", "terminal", "chargepoints_command_changelist"),
    ("Sessions", "bolt", "sessions_app_chargingsession_changelist"),
    ("Id tokens", "badge", "sessions_app_idtoken_changelist"),
    ("Local lists", "list_alt", "sessions_app_locallist_changelist"),
    ("Reservations", "event_available", "chargepoints_reservation_changelist"),
    ("Charging profiles", "speed", "chargepoints_chargingprofile_changelist"),
    ("Firmware jobs", "system_update", "chargepoints_firmwarejob_changelist"),
    ("Log jobs", "description", "chargepoints_logjob_changelist"),
    ("Security events", "security", "chargepoints_securityevent_changelist"),
    ("Certificate requests", "verified_user", "chargepoints_certificaterequest_changelist"),
    ("Wanted settings", "tune", "chargepoints_wantedsetting_changelist"),
)
_PLATFORM_PAGES = (
    ("Tenants", "apartment", "tenants_tenant_changelist"),
    ("Users", "person", "tenants_user_changelist"),
    ("Platform audit log", "history", "audit_platformauditentry_changelist"),
)


def _group(title: str, pages: tuple[tuple[str, str, str], ...]) -> Group:
    return {"title": title, "separator": False, "items": [_item(*page) for page in pages]}


def _item(title: str, icon: str, page: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(f"admin:{page}")}
