"""Filters of the list of charge points."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chargepoints.models import ChargePoint, Connector, ConnectorState


class ConnectionFilter(admin.SimpleListFilter):
    """Connected now, or not."""

    title = "connection"
    parameter_name = "connection"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("online", "Online"), ("offline", "Offline"), ("never", "Never connected")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChargePoint]) -> QuerySet[ChargePoint]:
        match self.value():
            case "online":
                return queryset.filter(connected__isnull=False)
            case "offline":
                return queryset.filter(connected__isnull=True, last_seen__isnull=False)
            case "never":
                return queryset.filter(connected__isnull=True, last_seen__isnull=True)
        return queryset


class ConnectorStateFilter(admin.SimpleListFilter):
    """Stations with at least one connector in a state."""

    title = "connector state"
    parameter_name = "connector"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return list(ConnectorState.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChargePoint]) -> QuerySet[ChargePoint]:
        state = self.value()
        if state is None:
            return queryset
        stations = Connector.objects.filter(status=state).values_list("charge_point_id", flat=True)
        return queryset.filter(pk__in=set(stations))
