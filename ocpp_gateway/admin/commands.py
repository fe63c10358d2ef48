"""Commands: what was asked of stations, by whom, and what they have answered."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from chargepoints.commands import OPEN
from chargepoints.models import Command
from csms.shown_urls import with_shown_urls
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import READ_ONLY, TenantModelAdmin

STATE_COLOURS = {
    "queued": "info",
    "sent": "info",
    "accepted": "success",
    "rejected": "warning",
    "failed": "danger",
    "timed_out": "danger",
}
REFRESH_SECONDS = 2
# As many stations at once as one request can ask in a moment, and so as many answers; for more there is REST.
MOST_STATIONS = 100


@admin.register(Command)
class CommandAdmin(TenantModelAdmin):
    """Read-only: what was asked, was asked."""

    permission_resource = "commands"
    deeds = READ_ONLY
    list_display = ("station", "action", "status", "requested_by", "asked", "ended")
    list_filter = ("state",)
    search_fields = ("charge_point_id",)
    search_help_text = "Station"
    ordering = ("-id",)
    fields = (
        ("station", "status"),
        ("action", "requested_by"),
        ("asked", "sent"),
        ("ended", "until"),
        "question",
        "answer",
    )
    # The rest are fields of the model, which cannot be changed because nothing can.
    readonly_fields = ("station", "status", "asked", "sent", "ended", "until", "question", "answer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Command]:
        return super().get_queryset(request).defer("secret")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of these pages, with the one that shows answers as they come."""
        shown = self.admin_site.admin_view(self.answers)
        return [path("answers/", shown, name="chargepoints_command_answers"), *super().get_urls()]

    def answers(self, request: HttpRequest) -> HttpResponse:
        """Show what has become of some commands; the page is fetched again until all have ended."""
        ids = request.GET.getlist("id")[:MOST_STATIONS]
        commands = list(self.get_queryset(request).filter(pk__in=ids).order_by("charge_point_id"))
        rows = [(one, self.status(one), self.answer(one), _page_of(one)) for one in commands]
        under_way = any(one.state in OPEN for one in commands)
        context = {
            **self.admin_site.each_context(request),
            "title": "Answers",
            "rows": rows,
            "under_way": under_way,
            "list_page": reverse("admin:chargepoints_chargepoint_changelist"),
        }
        headers = {"Refresh": str(REFRESH_SECONDS)} if under_way else {}
        return TemplateResponse(request, "csms/command_answers.html", context, headers=headers)

    @display(description="Station", ordering="charge_point_id")
    def station(self, obj: Command) -> str:
        return str(obj.charge_point_id)

    @display(description="State", ordering="state")
    def status(self, obj: Command) -> str:
        return badge(obj.get_state_display(), STATE_COLOURS.get(obj.state, ""))

    @display(description="Asked (UTC)", ordering="created_at")
    def asked(self, obj: Command) -> str:
        return moment(obj.created_at)

    @display(description="Sent (UTC)")
    def sent(self, obj: Command) -> str:
        return moment(obj.sent_at)

    @display(description="Ended (UTC)")
    def ended(self, obj: Command) -> str:
        return moment(obj.completed_at)

    @display(description="Kept until (UTC)")
    def until(self, obj: Command) -> str:
        return moment(obj.expires_at)

    @display(description="Payload")
    def question(self, obj: Command) -> str:
        return _json(with_shown_urls(obj.payload))

    @display(description="Answer")
    def answer(self, obj: Command) -> str:
        """Return the station's own answer, and what went wrong."""
        return format_html("{}{}", _json(obj.response), _json(obj.error)) if obj.response or obj.error else EMPTY


def _json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="csms-code">{}</pre>', text) if value is not None else ""


def _page_of(command: Command) -> str:
    return reverse("admin:chargepoints_command_change", args=(command.pk,))
