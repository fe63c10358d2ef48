"""Filters of the list of sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

from sessions_app.models import ChargingSession

_DAYS = {"today": 0, "7d": 6, "30d": 29, "365d": 364}


class PeriodFilter(admin.SimpleListFilter):
    """By the day of the start (UTC); a session whose start is unknown counts by its arrival."""

    title = "period"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("today", "Today"), ("7d", "7 days"), ("30d", "30 days"), ("365d", "365 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChargingSession]) -> QuerySet[ChargingSession]:
        days = _DAYS.get(self.value() or "")
        if days is None:
            return queryset
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = midnight - timedelta(days=days)
        # What starts within the period arrives within it: the arrival has the index.
        return queryset.filter(received_at__gte=since).exclude(start_time__lt=since)


class StationFilter(TextFilter):
    """The sessions of one station, or of all whose identity begins with the text."""

    title = "station"
    parameter_name = "station"

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChargingSession]) -> QuerySet[ChargingSession]:
        text = (self.value() or "").strip()
        if "\x00" in text:  # MongoDB has no pattern for it
            return queryset.none()
        return queryset.filter(charge_point_id__startswith=text) if text else queryset


class DoubtFilter(admin.SimpleListFilter):
    """Sessions that somebody should look into."""

    title = "data quality"
    parameter_name = "doubts"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("flagged", "With doubts"), ("clean", "Without doubts")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChargingSession]) -> QuerySet[ChargingSession]:
        match self.value():
            case "flagged":
                return queryset.exclude(quality=[])
            case "clean":
                return queryset.filter(quality=[])
        return queryset
