"""Firmware and log jobs: begun over REST, followed here."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from chargepoints.models import FirmwareJob, LogJob
from chargepoints.models.station_job import StationJob
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import TenantModelAdmin

_GOOD = {"installed", "uploaded"}
_UNDER_WAY = {
    "requested",
    "download_scheduled",
    "downloading",
    "download_paused",
    "downloaded",
    "signature_verified",
    "install_scheduled",
    "installing",
    "install_rebooting",
    "uploading",
}


class StationJobAdmin(TenantModelAdmin):
    """Read-only: only the station does the work."""

    permission_resource = "jobs"
    list_filter = ("status",)
    search_fields = ("charge_point_id",)
    search_help_text = "Station"
    ordering = ("-created_at", "-id")

    @display(description="Station", ordering="charge_point_id")
    def station(self, obj: StationJob) -> str:
        return str(obj.charge_point_id)

    @display(description="Status", ordering="status")
    def state(self, obj: StationJob) -> str:
        colour = "success" if obj.status in _GOOD else "info" if obj.status in _UNDER_WAY else "danger"
        return badge(obj.get_status_display(), colour)

    @display(description="Asked for by")
    def asker(self, obj: StationJob) -> str:
        return obj.requested_by or "somebody at the station"

    @display(description="Begun", ordering="created_at")
    def begun(self, obj: StationJob) -> str:
        return moment(obj.created_at)

    @display(description="Last report")
    def reported(self, obj: StationJob) -> str:
        return moment(obj.updated_at)

    @display(description="History")
    def steps(self, obj: StationJob) -> str:
        rows = ((step["at"], step["status"].replace("_", " ")) for step in obj.history)
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{} {}</li>", rows))


@admin.register(FirmwareJob)
class FirmwareJobAdmin(StationJobAdmin):
    list_display = ("station", "state", "signed", "location", "asker", "begun", "reported")
    fields = (("station", "state"), ("location", "signed"), ("asker", "begun", "reported"), "steps")
    readonly_fields = ("station", "state", "location", "signed", "asker", "begun", "reported", "steps")


@admin.register(LogJob)
class LogJobAdmin(StationJobAdmin):
    list_display = ("station", "state", "kind", "file_name", "asker", "begun", "reported")
    fields = (("station", "state"), ("kind", "file_name", "target"), ("asker", "begun", "reported"), "steps")
    readonly_fields = ("station", "state", "kind", "file_name", "target", "asker", "begun", "reported", "steps")

    @display(description="Uploaded to")
    def target(self, obj: LogJob) -> str:
        # A link of our own is a secret until it is used.
        return "here" if obj.upload_id else obj.location or EMPTY
