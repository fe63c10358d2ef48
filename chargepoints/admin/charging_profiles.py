"""Charging profiles that are kept: to be looked at here, and made over REST."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from chargepoints.models import ChargingProfile
from tenants.admin_site.display import EMPTY, moment
from tenants.admin_site.model_admin import TenantModelAdmin


@admin.register(ChargingProfile)
class ChargingProfileAdmin(TenantModelAdmin):
    """A list and a page; a schedule is no matter for a form."""

    permission_resource = "charging-profiles"
    list_display = ("number", "name", "purpose", "stack_level", "is_default", "limits", "edited")
    list_filter = ("purpose", "is_default")
    search_fields = ("name",)
    ordering = ("id",)
    fields = (
        ("number", "name"),
        ("purpose", "stack_level"),
        ("kind", "recurrency"),
        ("is_default", "evse_id"),
        ("valid_from", "valid_to"),
        "whole_schedule",
    )
    readonly_fields = ("number", "whole_schedule")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description="Number", ordering="id")
    def number(self, obj: ChargingProfile) -> str:
        return str(obj.pk)

    @display(description="Limits")
    def limits(self, obj: ChargingProfile) -> str:
        periods: list[dict[str, Any]] = obj.schedule["periods"]
        return ", ".join(f"{one['limit']:g} {obj.schedule['unit']}" for one in periods[:4]) or EMPTY

    @display(description="Schedule")
    def whole_schedule(self, obj: ChargingProfile) -> str:
        return format_html("<pre>{}</pre>", json.dumps(obj.schedule, indent=2))

    @display(description="Last edited", ordering="updated_at")
    def edited(self, obj: ChargingProfile) -> str:
        return moment(obj.updated_at)
