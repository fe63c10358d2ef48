"""Users, for superusers: accounts, passwords and all their memberships."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants.admin.tenants import PlatformPage
from tenants.admin_site.display import badge, moment
from tenants.admin_site.model_admin import SavesWhatWasEdited
from tenants.audit.admin_deeds import record_later
from tenants.audit.record import Changes, created, deleted
from tenants.models import Membership, User

# Registered by the import above. Groups carry Django's permissions, which mean nothing here: roles do.
admin.site.unregister(Group)


class MembershipInline(PlatformPage, TabularInline):
    """What this user may do, tenant by tenant."""

    permission_resource = "users"
    model = Membership
    fields = ("tenant", "role")
    autocomplete_fields = ("tenant",)
    extra = 0
    hide_title = True


def _record_membership(action: str, membership: Membership, changes: Changes) -> None:
    """Tell the tenant what the platform has done to one of its members."""
    record_later(action, "members", membership.user.get_username(), changes, membership.tenant_id)


@admin.register(User)
class UserAdmin(PlatformPage, SavesWhatWasEdited, DjangoUserAdmin, ModelAdmin):
    """Django's page without what this product does not use: groups, permission tables and "staff"."""

    permission_resource = "users"
    form = UserChangeForm
    show_facets = admin.ShowFacets.NEVER
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    list_display = ("person", "places", "superuser", "active", "last_seen")
    list_filter = ("is_superuser", "is_active")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    filter_horizontal = ()
    readonly_fields = ("last_seen", "joined")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": (("first_name", "last_name"), "email")}),
        ("Account", {"fields": (("is_active", "is_superuser"), ("last_seen", "joined"))}),
    )
    add_fieldsets = ((None, {"fields": ("username", "email", "password1", "password2", "is_superuser")}),)

    def audit_id(self, obj: User) -> str:
        return str(obj.get_username())

    def audited_in(self, obj: User) -> list[None]:
        return [None]

    def audit_deletions(self, objects: Iterable[User]) -> None:
        for user in objects:
            super().audit_deletions([user])
            for membership in user.memberships.all():  # goes with the account
                _record_membership("delete", membership, deleted({"role": membership.role}))

    def save_formset(self, request: HttpRequest, form: ModelForm, formset: BaseModelFormSet, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for membership in formset.deleted_objects:
            _record_membership("delete", membership, deleted({"role": membership.role}))
        for membership in (*formset.new_objects, *(obj for obj, _ in formset.changed_objects)):
            _record_membership("change", membership, created({"role": membership.role}))

    def get_queryset(self, request: HttpRequest) -> object:
        return super().get_queryset(request).prefetch_related("memberships")

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # The log of what a person did goes with the account, so deactivating is the rule; nobody deletes themselves.
        return super().has_delete_permission(request, obj) and (obj is None or obj.pk != request.user.pk)

    @display(description="User", ordering="username", header=True)
    def person(self, obj: User) -> tuple[str, str]:
        return obj.username, obj.get_full_name() or obj.email

    @display(description="Member of")
    def places(self, obj: User) -> str:
        return ", ".join(f"{m.tenant_id} ({m.get_role_display().lower()})" for m in obj.memberships.all())

    @display(description="Platform", ordering="is_superuser")
    def superuser(self, obj: User) -> str:
        return badge("superuser", "warning") if obj.is_superuser else ""

    @display(description="Active", ordering="is_active", boolean=True)
    def active(self, obj: User) -> bool:
        return bool(obj.is_active)

    @display(description="Last log-in", ordering="last_login")
    def last_seen(self, obj: User) -> str:
        return moment(obj.last_login)

    @display(description="Account since")
    def joined(self, obj: User) -> str:
        return moment(obj.date_joined)
