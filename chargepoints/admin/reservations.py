"""Reservations: which connector is kept for whom, and what became of it. Made and cancelled over REST."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from chargepoints.models import Reservation
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import READ_ONLY, TenantModelAdmin

STATE_COLOURS = {
    "requested": "info",
    "active": "success",
    "used": "primary",
    "refused": "danger",
    "failed": "danger",
    "expired": "warning",
}


@admin.register(Reservation)
class ReservationAdmin(TenantModelAdmin):
    """Read-only: only the station can keep a connector, so there is nothing to edit here."""

    permission_resource = "reservations"
    deeds = READ_ONLY
    list_display = ("station", "connector", "tag", "status", "until", "why", "made")
    list_filter = ("state",)
    search_fields = ("charge_point_id", "id_tag")
    search_help_text = "Station or id tag"
    ordering = ("-created_at", "-id")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("station", "connector"),
                    ("tag", "parent"),
                    ("status", "until"),
                    ("why", "session"),
                    ("reservation_id", "requested_by"),
                    ("made", "changed"),
                )
            },
        ),
    )
    readonly_fields = ("station", "connector", "tag", "parent", "status", "until", "why", "session", "made", "changed")

    @display(description="Station", ordering="charge_point_id")
    def station(self, obj: Reservation) -> str:
        return str(obj.charge_point_id)

    @display(description="Connector", ordering="evse_id")
    def connector(self, obj: Reservation) -> str:
        return str(obj.evse_id) if obj.evse_id else "any"

    @display(description="Tag", ordering="token_id")
    def tag(self, obj: Reservation) -> str:
        return str(obj.id_tag)

    @display(description="Group")
    def parent(self, obj: Reservation) -> str:
        return obj.parent_id_tag or EMPTY

    @display(description="State", ordering="state")
    def status(self, obj: Reservation) -> str:
        return badge(obj.get_state_display(), STATE_COLOURS.get(obj.state, ""))

    @display(description="Until (UTC)", ordering="expires_at")
    def until(self, obj: Reservation) -> str:
        return moment(obj.expires_at)

    @display(description="Reason")
    def why(self, obj: Reservation) -> str:
        return obj.end_reason.replace("_", " ") or EMPTY

    @display(description="Session")
    def session(self, obj: Reservation) -> str:
        return obj.session_id or EMPTY

    @display(description="Made (UTC)", ordering="created_at")
    def made(self, obj: Reservation) -> str:
        return moment(obj.created_at)

    @display(description="Changed (UTC)", ordering="updated_at")
    def changed(self, obj: Reservation) -> str:
        return moment(obj.updated_at)
