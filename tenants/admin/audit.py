"""The audit log: for administrators that of their tenant, for superusers that of the platform. To read only."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from tenants.admin_site.access import access_of
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import READ_ONLY, TenantModelAdmin
from tenants.audit.models import AuditEntry, PlatformAuditEntry
from tenants.permissions import READ, allows, least_role
from tenants.routing import GLOBAL_ALIAS

_COLOURS = {"delete": "danger", "log_in_refused": "danger", "create": "success", "command": "info", "enter": "warning"}


@admin.register(AuditEntry)
class AuditEntryAdmin(TenantModelAdmin):
    """Who did what in this tenant."""

    permission_resource = "audit-log"
    deeds = READ_ONLY
    list_display = ("when", "who", "what", "target", "address", "via")
    list_filter = ("action", "via", "target_type")
    search_fields = ("actor", "target_id", "address")
    search_help_text = "User, object or address"
    ordering = ("-at", "-id")
    fieldsets = ((None, {"fields": (("when", "what"), ("who", "role"), ("address", "via"), "target", "differences")}),)
    readonly_fields = ("when", "who", "what", "target", "differences", "role", "address", "via")

    @display(description="When (UTC)", ordering="at")
    def when(self, obj: AuditEntry) -> str:
        return moment(obj.at)

    @display(description="Who", ordering="actor")
    def who(self, obj: AuditEntry) -> str:
        return obj.actor or str(obj.get_actor_kind_display())

    @display(description="What", ordering="action")
    def what(self, obj: AuditEntry) -> str:
        return badge(obj.action.replace("_", " "), _COLOURS.get(obj.action, ""))

    @display(description="To what")
    def target(self, obj: AuditEntry) -> str:
        return f"{obj.target_type} {obj.target_id}".strip() or EMPTY

    @display(description="Before and after")
    def differences(self, obj: AuditEntry) -> str:
        changes = json.loads(obj.changes) if obj.changes else {}
        rows = ((name, _shown(sides, "before"), _shown(sides, "after")) for name, sides in changes.items())
        body = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", rows)
        return format_html('<table class="csms-facts">{}</table>', body) if changes else EMPTY


def _shown(sides: dict[str, Any], side: str) -> str:
    value = sides.get(side)
    return EMPTY if value is None else value if isinstance(value, str) else json.dumps(value)


@admin.register(PlatformAuditEntry)
class PlatformAuditEntryAdmin(AuditEntryAdmin):
    """What belongs to no tenant: accounts, tenants, log-ins of superusers and of strangers."""

    permission_resource = "platform-audit-log"

    def role_allows(self, request: HttpRequest, deed: str) -> bool:
        access = access_of(request)
        row = least_role(self.permission_resource, deed)
        return access is not None and deed in self.deeds and allows(access.role, row)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.role_allows(request, READ)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).using(GLOBAL_ALIAS)
