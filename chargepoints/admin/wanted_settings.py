"""Wanted settings: how the stations of the tenant are to be set."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import display

from chargepoints.configuration import SECRET_KEYS
from chargepoints.models import WantedSetting
from chargepoints.security_profiles import is_profile
from tenants.admin_site.display import moment
from tenants.admin_site.model_admin import TenantModelAdmin


class WantedSettingForm(ModelForm):
    """A key and its value."""

    def clean_key(self) -> str:
        """Refuse what must not be the same at every station."""
        key: str = self.cleaned_data["key"]
        if key.lower() in SECRET_KEYS:
            raise ValidationError("Each station has a key of its own: use 'New key' on its page.")
        if is_profile(key):
            raise ValidationError("A station may not come back from it: ask each with change-configuration over REST.")
        return key


@admin.register(WantedSetting)
class WantedSettingAdmin(TenantModelAdmin):
    """Given to stations after their next boot."""

    permission_resource = "wanted-settings"
    form = WantedSettingForm
    list_display = ("key", "value", "edited")
    search_fields = ("key",)
    ordering = ("key",)
    fields = ("key", "value")

    def get_readonly_fields(self, request: HttpRequest, obj: WantedSetting | None = None) -> tuple[str, ...]:
        return () if obj is None else ("key",)

    @display(description="Last edited", ordering="updated_at")
    def edited(self, obj: WantedSetting) -> str:
        return moment(obj.updated_at)
