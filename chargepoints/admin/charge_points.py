"""Charge points: what is installed, what state it is in, and who may connect."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import action, display

from chargepoints.admin.connectors import ConnectorInline, connector_marks, state_mark
from chargepoints.admin.filters import ConnectionFilter, ConnectorStateFilter
from chargepoints.admin.keys import key_page, new_key_question, urls_of
from chargepoints.admin.tags_field import TagsField
from chargepoints.configuration import known_settings
from chargepoints.models import ChargePoint
from chargepoints.provisioning import create_charge_point, delete_charge_point, rotate_key
from tenants.admin_site.display import EMPTY, ago, badge, moment
from tenants.admin_site.model_admin import TenantModelAdmin, tenant_access
from tenants.context import require_tenant
from tenants.permissions import CREATE, LEAST_ROLE, allows

STATE = ("identity", "connection", "state", "seen", "connected_since", "protocol", "booted", "addresses")
BOOT_FACTS = (
    ("vendor", "model"),
    ("serial_number", "firmware_version"),
    ("meter_type", "meter_serial_number"),
    ("sim_card", "subscriber"),
)
EDITED = (("name", "registration"), ("address", "tags"), ("latitude", "longitude"), "security_profile")


REGISTRATION_COLOURS = {"accepted": "success", "pending": "warning", "rejected": "danger"}


class ChargePointForm(forms.ModelForm):
    """What people say about a station; the rest it says itself."""

    tags = TagsField(help_text="Words of your own, with commas between them.", show_hidden_initial=True)

    class Meta:
        labels = {"id": "Identity"}


@admin.register(ChargePoint)
class ChargePointAdmin(TenantModelAdmin):
    """Created and deleted through `chargepoints.provisioning`, so that the limit of the tenant holds."""

    permission_resource = "charge-points"
    form = ChargePointForm
    list_display = ("station", "connection", "seen", "connectors", "product", "firmware", "registered")
    list_filter = (ConnectionFilter, ConnectorStateFilter, "registration", "status")
    search_fields = ("id", "name", "serial_number")
    search_help_text = "Identity, name or serial number"
    ordering = ("id",)
    inlines = (ConnectorInline,)
    actions: list[Any] = []  # every command, added by `ocpp_gateway.admin`
    actions_detail = ("sessions", "new_key")
    readonly_fields = (*STATE, "known_settings", "tag_list", *(name for row in BOOT_FACTS for name in row))
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("identity", "connection"),
                    ("state", "seen"),
                    ("connected_since", "protocol"),
                    "booted",
                    "addresses",
                )
            },
        ),
        ("Settings", {"fields": EDITED}),
        ("As the station reports itself", {"fields": BOOT_FACTS}),
        ("Configuration keys", {"fields": ("known_settings",), "classes": ("collapse",)}),
    )
    add_fieldsets = ((None, {"fields": ("id", *EDITED)}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChargePoint]:
        return super().get_queryset(request).defer("credential_hash").prefetch_related("connectors")

    def get_fieldsets(self, request: HttpRequest, obj: ChargePoint | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        # Where nothing is edited, Django shows a list as JSON.
        shown = [("address", "tag_list") if row == ("address", "tags") else row for row in EDITED]
        return [(name, options | {"fields": shown} if name == "Settings" else options) for name, options in fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: ChargePoint | None = None) -> tuple[str, ...]:
        return () if obj is None else self.readonly_fields

    def get_inlines(self, request: HttpRequest, obj: ChargePoint | None) -> tuple[type, ...]:
        return self.inlines if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: ChargePoint, form: ModelForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        fields: dict[str, Any] = dict(form.cleaned_data)
        _, obj.shown_key = create_charge_point(fields.pop("id"), **fields)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        # The key is shown next: there is nothing to continue with before that.
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, buttons | (extra_context or {}))

    def response_add(self, request: HttpRequest, obj: ChargePoint, post_url_continue: Any = None) -> HttpResponse:
        return key_page(request, self.admin_site, obj, obj.shown_key)

    def delete_model(self, request: HttpRequest, obj: ChargePoint) -> None:
        delete_charge_point(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ChargePoint]) -> None:
        for identity in queryset.values_list("pk", flat=True):
            delete_charge_point(identity)

    @action(description="Sessions", icon="bolt", url_path="sessions")
    def sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the sessions of this station."""
        query = urlencode({"station": self._station(request, object_id).pk})
        return HttpResponseRedirect(f"{reverse('admin:sessions_app_chargingsession_changelist')}?{query}")

    @action(description="New key", icon="key", url_path="new-key", permissions=("new_key",))
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask first, then make a new key and show it."""
        station = self._station(request, object_id)
        if request.method != "POST":
            return new_key_question(request, self.admin_site, station)
        key = rotate_key(station.pk)
        self.log_change(request, station, [{"changed": {"fields": ["key"]}}, {"tenant": require_tenant()}])
        return key_page(request, self.admin_site, station, key)

    def has_new_key_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether the role allows to give a station a new key."""
        return allows(tenant_access(request).role, LEAST_ROLE["charge-point-credentials"][CREATE])

    def has_command_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Return whether the role allows to ask something of a station."""
        return allows(tenant_access(request).role, LEAST_ROLE["commands"][CREATE])

    def _station(self, request: HttpRequest, object_id: str) -> ChargePoint:
        station = self.get_object(request, unquote(object_id))
        if station is None or not self.has_view_permission(request, station):
            raise Http404("There is no such charge point.")
        return station

    @display(description="Station", ordering="id", header=True)
    def station(self, obj: ChargePoint) -> tuple[str, str]:
        return (obj.name, obj.pk) if obj.name else (obj.pk, "")

    @display(description="Identity")
    def identity(self, obj: ChargePoint) -> str:
        return str(obj.pk)

    @display(description="SIM card (ICCID)")
    def sim_card(self, obj: ChargePoint) -> str:
        return obj.iccid or EMPTY

    @display(description="Subscriber (IMSI)")
    def subscriber(self, obj: ChargePoint) -> str:
        return obj.imsi or EMPTY

    @display(description="Connection")
    def connection(self, obj: ChargePoint) -> str:
        if obj.connected:
            return badge("Online", "success")
        return badge("Offline", "danger") if obj.last_seen else badge("Never connected")

    @display(description="Last seen", ordering="last_seen")
    def seen(self, obj: ChargePoint) -> str:
        return ago(obj.last_seen, datetime.now(UTC))

    @display(description="Connected since")
    def connected_since(self, obj: ChargePoint) -> str:
        try:
            return moment(datetime.fromisoformat(obj.connected["since"]))
        except (KeyError, TypeError, ValueError):  # not connected, or by a program that tells no time
            return EMPTY

    @display(description="Connectors")
    def connectors(self, obj: ChargePoint) -> str:
        return connector_marks(obj.connectors.all())

    @display(description="Product")
    def product(self, obj: ChargePoint) -> str:
        return f"{obj.vendor} {obj.model}".strip() or EMPTY

    @display(description="Firmware")
    def firmware(self, obj: ChargePoint) -> str:
        return obj.firmware_version or EMPTY

    @display(description="Registration", ordering="registration")
    def registered(self, obj: ChargePoint) -> str:
        return badge(obj.get_registration_display(), REGISTRATION_COLOURS.get(obj.registration, ""))

    @display(description="Last accepted boot")
    def booted(self, obj: ChargePoint) -> str:
        return moment(obj.booted_at)

    @display(description="State of the station")
    def state(self, obj: ChargePoint) -> str:
        return state_mark(obj.status, obj.get_status_display(), obj.error_code)

    @display(description="OCPP version")
    def protocol(self, obj: ChargePoint) -> str:
        return obj.ocpp_version or EMPTY

    @display(description="URL")
    def addresses(self, obj: ChargePoint) -> str:
        rows = ((url,) for url in urls_of(obj.pk))
        return format_html_join(" ", '<code class="csms-code">{}</code><br>', rows)

    @display(description="Tags")
    def tag_list(self, obj: ChargePoint) -> str:
        return ", ".join(str(tag) for tag in obj.tags) or EMPTY

    @display(description="As last read")
    def known_settings(self, obj: ChargePoint) -> str:
        known = known_settings(obj.configuration or {}, obj.reboot_pending or {})
        if not known:
            return EMPTY
        rows = ((key, _setting_value(entry)) for key, entry in known.items())
        body = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows)
        return format_html('<table class="csms-facts">{}</table>', body)


def _setting_value(entry: dict[str, Any]) -> str:
    """Return the value of a setting, and what it will be after the next boot."""
    shown = EMPTY if entry["value"] is None else str(entry["value"])
    return f"{shown} (after the next boot: {entry['pending_value']})" if entry["reboot_required"] else shown
