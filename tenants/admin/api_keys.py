"""API keys of the chosen tenant, for its administrators: made, shown once, revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSplitDateTimeWidget

from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import RightsByRole, SavesWhatWasEdited
from tenants.api_key import ApiKey
from tenants.api_keys import DEFAULT_LIFETIME, LONGEST_LIFETIME, RESOURCES, create_key, revoke
from tenants.context import require_tenant
from tenants.permissions import CREATE, DELETE, READ

_COLOURS = {"active": "success", "revoked": "danger", "expired": "warning"}


def _default_end() -> datetime:
    return (datetime.now(UTC) + DEFAULT_LIFETIME).replace(second=0, microsecond=0)


class NewApiKeyForm(forms.ModelForm):
    """What a new key is for."""

    resources = forms.MultipleChoiceField(
        choices=[(name, name) for name in RESOURCES],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None chosen: for all of them. The role decides what may be done.",
    )
    expires_at = forms.SplitDateTimeField(
        initial=_default_end, widget=UnfoldAdminSplitDateTimeWidget(), label="Expires"
    )

    class Meta:
        model = ApiKey
        fields = ("name", "role", "resources", "expires_at")
        help_texts = {"name": "What uses it.", "role": "A viewer only reads."}

    def clean_expires_at(self) -> datetime:
        value: datetime = self.cleaned_data["expires_at"]
        now = datetime.now(UTC)
        if not now < value <= now + LONGEST_LIFETIME:
            raise forms.ValidationError(f"Use a moment within the next {LONGEST_LIFETIME.days} days.")
        return value


@admin.register(ApiKey)
class ApiKeyAdmin(RightsByRole, SavesWhatWasEdited, ModelAdmin):
    """A key is never edited; "deleting" revokes it and leaves it in the list."""

    permission_resource = "api-keys"
    deeds = frozenset({READ, CREATE, DELETE})
    show_facets = admin.ShowFacets.NEVER
    list_display = ("name", "role", "scope", "status", "expiry", "last_use")
    list_filter = ("role",)
    search_fields = ("name",)
    ordering = ("-created_at", "-id")
    fields = (("name", "status"), ("role", "scope"), ("expiry", "last_use"), ("created_by", "made"))
    readonly_fields = ("name", "status", "role", "scope", "expiry", "last_use", "created_by", "made")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        return super().get_queryset(request).filter(tenant_id=require_tenant()).defer("secret_hash")

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, **kwargs: Any) -> type[ModelForm]:
        if obj is None:
            kwargs |= {"form": NewApiKeyForm, "fields": NewApiKeyForm.Meta.fields}
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return NewApiKeyForm.Meta.fields if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        return () if obj is None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm, change: bool) -> None:
        new = create_key(require_tenant(), created_by=request.user.get_username(), **form.cleaned_data)
        obj.pk, obj.tenant_id, obj.shown_key = new.key.pk, new.key.tenant_id, new.text

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        # The key is shown next: there is nothing to continue with before that.
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, buttons | (extra_context or {}))

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"API key {obj.name}",
            "key": obj.shown_key,
            "list_page": reverse("admin:tenants_apikey_changelist"),
        }
        return TemplateResponse(request, "csms/api_key.html", context, headers={"Cache-Control": "no-store"})

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        revoke(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for key in queryset:
            revoke(key)

    @display(description="Used for")
    def scope(self, obj: ApiKey) -> str:
        return ", ".join(obj.resources) or "everything of its role"

    @display(description="State")
    def status(self, obj: ApiKey) -> str:
        state = obj.state(datetime.now(UTC))
        return badge(state.capitalize(), _COLOURS[state])

    @display(description="Expires (UTC)", ordering="expires_at")
    def expiry(self, obj: ApiKey) -> str:
        return moment(obj.expires_at)

    @display(description="Last used (UTC)", ordering="last_used_at")
    def last_use(self, obj: ApiKey) -> str:
        return EMPTY if obj.last_used_at is None else moment(obj.last_used_at)

    @display(description="Made (UTC)")
    def made(self, obj: ApiKey) -> str:
        return moment(obj.created_at)
