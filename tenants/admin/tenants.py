"""Tenants, for superusers: create them with their databases and set what they may do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tenants.admin_site.access import access_of
from tenants.admin_site.display import badge, moment
from tenants.admin_site.model_admin import SavesWhatWasEdited, save_changed
from tenants.models import Tenant
from tenants.permissions import CHANGE, allows, least_role
from tenants.provisioning import create_tenant
from tenants.station_trust import check_trust


class PlatformPage:
    """Pages about the platform, where no tenant need be chosen: who may not change its row does not even see it."""

    permission_resource = ""

    def _may_manage(self, request: HttpRequest, obj: Model | None = None) -> bool:
        access = access_of(request)
        return access is not None and allows(access.role, least_role(self.permission_resource, CHANGE))

    has_module_permission = has_view_permission = has_add_permission = _may_manage
    has_change_permission = has_delete_permission = _may_manage

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse before looking: the answer must not tell whether there is such an object."""
        if not self._may_manage(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)  # type: ignore[misc]


class TenantForm(forms.ModelForm):
    """The configuration of a tenant, with the labels people use."""

    def clean(self) -> dict[str, Any]:
        """Check the certificates in it, of which one field is about the other."""
        values: dict[str, Any] = super().clean()
        for name, text in check_trust(values.get("slug") or self.instance.slug, values, self.instance).items():
            self.add_error(name, text)
        return values

    class Meta:
        labels = {
            "max_charge_points": "Charge points at most",
            "default_heartbeat_interval": "Heartbeat interval",
            "min_security_profile": "Least security profile",
            "station_authorities": "Authorities",
            "station_revocation_lists": "Revocation lists",
            "auto_register": "Register stations by themselves",
            "auto_register_as": "Such stations are",
            "boot_retry_interval": "Not accepted: boot again after",
            "api_rate_limit": "REST rate limit",
            "mqtt_topic_prefix": "MQTT topic prefix",
            "queue_enabled": "Queue commands",
            "message_log": "Log of OCPP messages",
            "message_log_days": "Days to keep the log",
        }


@admin.register(Tenant)
class TenantAdmin(PlatformPage, SavesWhatWasEdited, ModelAdmin):
    """A tenant is never deleted here: its database would go with it."""

    permission_resource = "tenants"
    form = TenantForm
    show_facets = admin.ShowFacets.NEVER
    list_display = ("tenant", "state", "max_charge_points", "api_rate_limit", "auto_register", "created")
    list_filter = ("status",)
    search_fields = ("slug", "name")
    ordering = ("name",)
    readonly_fields = ("database", "created", "edited")
    fieldsets = (
        (None, {"fields": (("name", "slug"), "status", "database")}),
        ("Stations", {"fields": (("max_charge_points", "default_heartbeat_interval"),)}),
        ("Security", {"fields": ("min_security_profile",)}),
        (
            "Certificates of stations",
            {
                "fields": ("organization", "station_authorities", "station_revocation_lists"),
                "classes": ("collapse",),
            },
        ),
        ("New stations", {"fields": ("auto_register", ("auto_register_as", "boot_retry_interval"))}),
        ("REST and MQTT", {"fields": (("api_rate_limit", "mqtt_topic_prefix"),)}),
        ("Commands and messages", {"fields": ("queue_enabled", ("message_log", "message_log_days"))}),
        ("History", {"fields": (("created", "edited"),)}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj is None else ("slug", *self.readonly_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        return ((None, {"fields": (("name", "slug"), "status")}), *fieldsets[1:-1])

    def save_model(self, request: HttpRequest, obj: Tenant, form: ModelForm, change: bool) -> None:
        if change:
            save_changed(obj, form.changed_data)
        else:
            create_tenant(**form.cleaned_data)

    @display(description="Tenant", ordering="name", header=True)
    def tenant(self, obj: Tenant) -> tuple[str, str]:
        return obj.name, obj.slug

    @display(description="Status", ordering="status")
    def state(self, obj: Tenant) -> str:
        return badge(obj.get_status_display(), "success" if obj.status == Tenant.Status.ACTIVE else "danger")

    @display(description="Database")
    def database(self, obj: Tenant) -> str:
        return obj.database_name

    @display(description="Created", ordering="created_at")
    def created(self, obj: Tenant) -> str:
        return moment(obj.created_at)

    @display(description="Last edited")
    def edited(self, obj: Tenant) -> str:
        return moment(obj.updated_at)
