"""Events the MQTT broker has refused, with a button to send them again."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from events.models import UndeliveredEvent
from tenants.admin_site.display import EMPTY, moment
from tenants.admin_site.model_admin import TenantModelAdmin, tenant_access
from tenants.audit.record import created, record
from tenants.permissions import CHANGE, DELETE, READ, allows, least_role
from tenants.undelivered_rest import send_again_of_tenant


@admin.register(UndeliveredEvent)
class UndeliveredEventAdmin(TenantModelAdmin):
    """Facts, so nothing is edited: sent again, or deleted."""

    permission_resource = "undelivered-events"
    deeds = frozenset({READ, DELETE})
    actions = ("send_again",)
    list_display = ("station", "type", "reason", "set_aside", "stored")
    list_filter = ("type",)
    search_fields = ("charge_point_id", "reason")
    search_help_text = "Station or reason"
    ordering = ("-set_aside_at", "-id")
    readonly_fields = (
        "station",
        "type",
        "sequence",
        "topic",
        "retain",
        "reason",
        "tries",
        "set_aside",
        "stored",
        "text",
    )
    fields = readonly_fields

    @admin.action(description="Send again", permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[UndeliveredEvent]) -> None:
        """Put the chosen ones back into the outbox."""
        ids = list(queryset.values_list("pk", flat=True))
        count = send_again_of_tenant(ids)
        record("send_again", self.permission_resource, "", created({"ids": ids}))
        self.message_user(request, f"On their way once more: {count}.")

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """Return whether the role may have events sent again."""
        return allows(tenant_access(request).role, least_role(self.permission_resource, CHANGE))

    @display(description="Station", ordering="charge_point_id")
    def station(self, obj: UndeliveredEvent) -> str:
        return str(obj.charge_point_id)

    @display(description="Set aside", ordering="set_aside_at")
    def set_aside(self, obj: UndeliveredEvent) -> str:
        return moment(obj.set_aside_at)

    @display(description="Stored", ordering="stored_at")
    def stored(self, obj: UndeliveredEvent) -> str:
        return moment(obj.stored_at)

    @display(description="Message")
    def text(self, obj: UndeliveredEvent) -> str:
        return bytes(obj.payload).decode("utf-8", "replace") or EMPTY
