"""What is known of stations' security, and the certificates they ask for."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from chargepoints.models import CertificateRequest, SecurityEvent
from tenants.admin_site.display import badge, moment
from tenants.admin_site.model_admin import TenantModelAdmin

STATUS_COLOURS = {"installed": "success", "signed": "info", "refused": "danger", "not_taken": "danger"}


@admin.register(SecurityEvent)
class SecurityEventAdmin(TenantModelAdmin):
    """Read-only: facts."""

    permission_resource = "security-events"
    list_display = ("station", "type", "source", "tech_info", "happened", "received")
    list_filter = ("source",)
    search_fields = ("charge_point_id", "type")
    search_help_text = "Station or type"
    ordering = ("-received_at", "-id")
    fields = (("station", "type", "source"), "tech_info", ("happened", "received"))
    readonly_fields = ("station", "type", "source", "tech_info", "happened", "received")

    @display(description="Station", ordering="charge_point_id")
    def station(self, obj: SecurityEvent) -> str:
        return str(obj.charge_point_id)

    @display(description="Time", ordering="timestamp")
    def happened(self, obj: SecurityEvent) -> str:
        return moment(obj.timestamp)

    @display(description="Received", ordering="received_at")
    def received(self, obj: SecurityEvent) -> str:
        return moment(obj.received_at)


@admin.register(CertificateRequest)
class CertificateRequestAdmin(TenantModelAdmin):
    """Read-only: signed or refused by rule."""

    permission_resource = "security-events"
    list_display = ("station", "state", "reason", "received", "changed")
    list_filter = ("status",)
    search_fields = ("charge_point_id",)
    search_help_text = "Station"
    ordering = ("-received_at", "-id")
    fields = (("station", "state"), "reason", ("received", "changed"), "csr", "chain")
    readonly_fields = ("station", "state", "reason", "received", "changed", "csr", "chain")

    @display(description="Station", ordering="charge_point_id")
    def station(self, obj: CertificateRequest) -> str:
        return str(obj.charge_point_id)

    @display(description="Status", ordering="status")
    def state(self, obj: CertificateRequest) -> str:
        return badge(obj.get_status_display(), STATUS_COLOURS.get(obj.status, "warning"))

    @display(description="Received", ordering="received_at")
    def received(self, obj: CertificateRequest) -> str:
        return moment(obj.received_at)

    @display(description="Last change")
    def changed(self, obj: CertificateRequest) -> str:
        return moment(obj.updated_at)
