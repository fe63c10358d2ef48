"""Id tokens: who may charge."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import display

from sessions_app.authorization import token_key
from sessions_app.local_lists import tokens_changed
from sessions_app.models import IdToken
from tenants.admin_site.display import EMPTY, badge, moment
from tenants.admin_site.model_admin import TenantModelAdmin

STATUS_COLOURS = {"accepted": "success", "blocked": "danger", "expired": "warning", "invalid": "danger"}


class IdTokenForm(forms.ModelForm):
    """A token; the tag is compared without regard to case, so it must differ in more than that."""

    class Meta:
        labels = {"expires_at": "Valid until (UTC)", "max_active": "Sessions at once", "parent_id_tag": "Parent tag"}

    def clean_id_tag(self) -> str:
        id_tag: str = self.cleaned_data["id_tag"]
        if self.instance._state.adding and IdToken.objects.filter(pk=token_key(id_tag)).exists():
            raise forms.ValidationError("This tag is known already; upper and lower case are the same.")
        return id_tag


class ValidityFilter(admin.SimpleListFilter):
    """What a station would be told now: a token may be accepted and yet be past its date."""

    title = "may charge"
    parameter_name = "valid"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[IdToken]) -> QuerySet[IdToken]:
        now = datetime.now(UTC)
        match self.value():
            case "yes":
                return queryset.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), status="accepted")
            case "no":
                return queryset.filter(~Q(status="accepted") | Q(expires_at__lte=now))
        return queryset


@admin.register(IdToken)
class IdTokenAdmin(TenantModelAdmin):
    """Operators keep the list; what stations are told follows from it at once."""

    permission_resource = "id-tokens"
    form = IdTokenForm
    list_display = ("tag", "state", "kind", "expires", "parent", "at_once", "remark")
    list_filter = ("status", ValidityFilter, "type")
    search_fields = ("id", "parent_id_tag", "note")
    search_help_text = "Tag, parent or note"
    ordering = ("id",)
    fieldsets = (
        (None, {"fields": (("id_tag", "type"), "status", "expires_at")}),
        ("Use", {"fields": (("parent_id_tag", "max_active"), "note")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: IdToken | None = None) -> tuple[str, ...]:
        return () if obj is None else ("id_tag",)

    def save_model(self, request: HttpRequest, obj: IdToken, form: ModelForm, change: bool) -> None:
        if not change:
            obj.pk = token_key(obj.id_tag)
        super().save_model(request, obj, form, change)
        tokens_changed(obj.parent_id_tag, form.initial.get("parent_id_tag") or "")

    def delete_model(self, request: HttpRequest, obj: IdToken) -> None:
        super().delete_model(request, obj)
        tokens_changed(obj.parent_id_tag)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[IdToken]) -> None:
        parents = set(queryset.values_list("parent_id_tag", flat=True))
        super().delete_queryset(request, queryset)
        tokens_changed(*parents)

    @display(description="Tag", ordering="id")
    def tag(self, obj: IdToken) -> str:
        return str(obj.id_tag)

    @display(description="Status", ordering="status")
    def state(self, obj: IdToken) -> str:
        over = obj.expires_at is not None and obj.expires_at <= datetime.now(UTC)
        if obj.status == IdToken.Status.ACCEPTED and over:
            return badge("Expired", "warning")
        return badge(obj.get_status_display(), STATUS_COLOURS.get(obj.status, ""))

    @display(description="Kind", ordering="type")
    def kind(self, obj: IdToken) -> str:
        return str(obj.get_type_display())

    @display(description="Valid until (UTC)", ordering="expires_at")
    def expires(self, obj: IdToken) -> str:
        return moment(obj.expires_at)

    @display(description="Parent", ordering="parent_id_tag")
    def parent(self, obj: IdToken) -> str:
        return obj.parent_id_tag or EMPTY

    @display(description="Sessions at once")
    def at_once(self, obj: IdToken) -> str:
        return "any number" if obj.max_active is None else str(obj.max_active)

    @display(description="Note")
    def remark(self, obj: IdToken) -> str:
        return obj.note or EMPTY
