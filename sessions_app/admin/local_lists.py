"""Local lists: which tokens stations hold for themselves. Chosen over REST."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from sessions_app.local_list_serializers import status_of
from sessions_app.models import LocalList
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import READ_ONLY, TenantModelAdmin

STATUS_COLOURS = {"current": "success", "pending": "info", "failed": "danger", "not_supported": "warning"}


@admin.register(LocalList)
class LocalListAdmin(TenantModelAdmin):
    """Read-only: what a station holds is its own answer."""

    permission_resource = "local-lists"
    deeds = READ_ONLY
    list_display = ("station", "chosen", "status", "version", "entry_count", "left_out", "updated")
    list_filter = ("mode",)
    search_fields = ("id",)
    search_help_text = "Station"
    ordering = ("id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("station", "chosen"),
                    ("status", "last_answer"),
                    ("version", "entry_count"),
                    ("left_out", "updated"),
                    "checked",
                )
            },
        ),
    )
    readonly_fields = ("station", "chosen", "status", "last_answer", "updated", "checked")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LocalList]:
        return super().get_queryset(request).defer("held")

    @display(description="Station", ordering="id")
    def station(self, obj: LocalList) -> str:
        return str(obj.pk)

    @display(description="Holds")
    def chosen(self, obj: LocalList) -> str:
        return f"Group {obj.parent_id_tag}" if obj.mode == LocalList.Mode.GROUP else str(obj.get_mode_display())

    @display(description="Status")
    def status(self, obj: LocalList) -> str:
        word = status_of(obj)
        return badge(word.replace("_", " ").capitalize(), STATUS_COLOURS.get(word, ""))

    @display(description="Last answer")
    def last_answer(self, obj: LocalList) -> str:
        return obj.answer.replace("_", " ") or EMPTY

    @display(description="Last taken (UTC)", ordering="updated_at")
    def updated(self, obj: LocalList) -> str:
        return moment(obj.updated_at)

    @display(description="Version last told (UTC)")
    def checked(self, obj: LocalList) -> str:
        return moment(obj.checked_at)
