"""Charging sessions: what was charged, where, by whom. Read-only, because it is evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from sessions_app.admin.filters import DoubtFilter, PeriodFilter, StationFilter
from sessions_app.admin.meter_values import meter_value_context
from sessions_app.admin.quantities import duration, energy, number, power
from sessions_app.admin.session_tiles import session_tiles
from sessions_app.models import ChargingSession
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import TenantModelAdmin

STATUS_COLOURS = {"active": "info", "completed": "success", "faulted": "danger"}
LARGEST_ID = 2**63 - 1


@admin.register(ChargingSession)
class ChargingSessionAdmin(TenantModelAdmin):
    """The list, and a page for each session with its meter values as chart and table."""

    permission_resource = "sessions"
    list_display = ("station", "tag", "started", "lasted", "energy", "power_now", "state", "doubts")
    list_filter = ("status", PeriodFilter, StationFilter, DoubtFilter)
    list_filter_submit = True
    search_fields = ("id_tag", "charge_point_id")
    search_help_text = "Id tag, station or transaction id"
    ordering = ("-received_at", "-id")
    list_fullwidth = True
    change_form_outer_before_template = "csms/session_tiles.html"
    change_form_outer_after_template = "csms/session_meter_values.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("station_link", "state"),
                    ("outlet", "transaction_id"),
                    ("tag", "verdict"),
                    ("started", "stopped"),
                    ("registers", "stop_reason"),
                    ("stopped_by", "doubts"),
                )
            },
        ),
    )
    readonly_fields = (
        *("station_link", "outlet", "state", "tag", "verdict", "stopped_by"),
        *("started", "stopped", "registers", "doubts"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChargingSession], search_term: str
    ) -> tuple[QuerySet[ChargingSession], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        wanted = Q(id_tag__icontains=text) | Q(charge_point_id__icontains=text)
        if text.isdecimal() and int(text) <= LARGEST_ID:
            wanted |= Q(transaction_id=int(text))
        return queryset.filter(wanted), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Session", **(extra_context or {})}
        session = self.get_object(request, unquote(object_id))
        if session is not None:
            context |= meter_value_context(session) | {"tiles": session_tiles(session)}
        return super().change_view(request, object_id, form_url, context)

    @display(description="Station", ordering="charge_point_id", header=True)
    def station(self, obj: ChargingSession) -> tuple[str, str]:
        return obj.charge_point_id, f"{_outlet(obj)} · transaction {obj.transaction_id or EMPTY}"

    @display(description="Station")
    def station_link(self, obj: ChargingSession) -> str:
        url = reverse("admin:chargepoints_chargepoint_change", args=(quote(obj.charge_point_id),))
        return format_html('<a class="csms-link" href="{}">{}</a>', url, obj.charge_point_id)

    @display(description="Outlet")
    def outlet(self, obj: ChargingSession) -> str:
        return _outlet(obj)

    @display(description="Id tag", ordering="id_tag")
    def tag(self, obj: ChargingSession) -> str:
        return obj.id_tag or EMPTY

    @display(description="Authorization at the start")
    def verdict(self, obj: ChargingSession) -> str:
        return obj.authorization or EMPTY

    @display(description="Stopped with id tag")
    def stopped_by(self, obj: ChargingSession) -> str:
        return obj.stop_id_tag or EMPTY

    @display(description="Start (UTC)", ordering="start_time")
    def started(self, obj: ChargingSession) -> str:
        return moment(obj.start_time)

    @display(description="Stop (UTC)")
    def stopped(self, obj: ChargingSession) -> str:
        return moment(obj.stop_time)

    @display(description="Duration")
    def lasted(self, obj: ChargingSession) -> str:
        active = obj.status == ChargingSession.Status.ACTIVE
        return duration(obj.start_time, datetime.now(UTC) if active else obj.stop_time)

    @display(description="Energy", ordering="energy_wh")
    def energy(self, obj: ChargingSession) -> str:
        return energy(obj.energy_wh)

    @display(description="Meter at start → stop")
    def registers(self, obj: ChargingSession) -> str:
        ends = (obj.start_meter_value, obj.stop_meter_value)
        return " → ".join(EMPTY if wh is None else f"{number(wh, 0)} Wh" for wh in ends)

    @display(description="Power now")
    def power_now(self, obj: ChargingSession) -> str:
        return power(obj.power_w) if obj.status == ChargingSession.Status.ACTIVE else ""

    @display(description="Status", ordering="status")
    def state(self, obj: ChargingSession) -> str:
        return badge(obj.get_status_display(), STATUS_COLOURS.get(obj.status, ""))

    @display(description="Doubts")
    def doubts(self, obj: ChargingSession) -> str:
        flags = [(badge(str(flag).replace("_", " "), "warning"),) for flag in obj.quality or ()]
        return format_html_join(" ", "{}", flags) or EMPTY


def _outlet(session: ChargingSession) -> str:
    if session.evse_id is None:
        return "unknown outlet"
    several = session.connector_id not in {None, 1}
    return f"connector {session.evse_id}.{session.connector_id}" if several else f"connector {session.evse_id}"
