"""Members of the chosen tenant, for its administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tenants.admin.member_form import NewMemberForm
from tenants.admin_site.access import is_superuser
from tenants.admin_site.display import badge, moment
from tenants.admin_site.model_admin import RightsByRole, SavesWhatWasEdited
from tenants.context import require_tenant
from tenants.models import Membership

_ROLE_COLOURS = {"admin": "warning", "operator": "info"}


@admin.register(Membership)
class MembershipAdmin(RightsByRole, SavesWhatWasEdited, ModelAdmin):
    """Who belongs to this tenant. Nothing here tells of other tenants, nor changes anybody's password."""

    permission_resource = "members"
    show_facets = admin.ShowFacets.NEVER
    list_display = ("member", "role_badge", "active", "since")
    list_filter = ("role",)
    search_fields = ("user__username",)
    ordering = ("user__username",)
    list_select_related = ("user",)
    fields = ("member", "role", "since")
    readonly_fields = ("member", "since")

    def audit_id(self, obj: Membership) -> str:
        return str(obj.user.get_username())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).filter(tenant_id=require_tenant())

    def get_form(self, request: HttpRequest, obj: Membership | None = None, **kwargs: Any) -> type[ModelForm]:
        if obj is None:
            kwargs |= {"form": NewMemberForm, "fields": ("role",)}
        return super().get_form(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return self.fields if obj is not None else ("username", "password", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj is not None else ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and _not_oneself(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if is_superuser(request):
            return True  # also asked when an account with memberships is deleted, where no tenant is chosen
        return super().has_delete_permission(request, obj) and _not_oneself(request, obj)

    def save_model(self, request: HttpRequest, obj: Membership, form: ModelForm, change: bool) -> None:
        if not change and obj.user.pk is None:
            obj.user.set_password(form.cleaned_data["password"])
            obj.user.save(force_insert=True)
            obj.user = obj.user  # takes over the key the new account has just been given
        super().save_model(request, obj, form, change)

    @display(description="Member", ordering="user__username")
    def member(self, obj: Membership) -> str:
        return str(obj.user.username)

    @display(description="Role", ordering="role")
    def role_badge(self, obj: Membership) -> str:
        return badge(obj.get_role_display(), _ROLE_COLOURS.get(obj.role, ""))

    @display(description="Account active", boolean=True)
    def active(self, obj: Membership) -> bool:
        return bool(obj.user.is_active)

    @display(description="Member since", ordering="created_at")
    def since(self, obj: Membership) -> str:
        return moment(obj.created_at)


def _not_oneself(request: HttpRequest, obj: Model | None) -> bool:
    """Return whether the membership is another one's: so a tenant is never left without an administrator."""
    return is_superuser(request) or obj is None or obj.user_id != request.user.pk
