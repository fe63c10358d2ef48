"""What every admin page of a tenant's data has in common: rights by role, and saving only what was edited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.models import DELETION, LogEntry
from django.db import IntegrityError
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.forms import BaseModelFormSet, ModelForm
from django.forms import Field as FormField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList

from csms.edits import Gone, apply_edit
from csms.errors import CsmsError
from tenants.access import Access
from tenants.admin_site.access import access_of
from tenants.admin_site.paging import EstimatedChangeList, EstimatedPaginator
from tenants.audit.admin_deeds import AuditedPage
from tenants.audit.record import facts_of
from tenants.audit.trail import note_change, notes_about
from tenants.context import NoTenant, require_tenant
from tenants.permissions import CHANGE, CREATE, DELETE, READ, allows, least_role

READ_ONLY = frozenset({READ})


def tenant_access(request: HttpRequest) -> Access:
    """Return the access of a request to a page that belongs to one tenant.

    Raises:
        NoTenant: none is chosen; the site answers with the choice.
    """
    access = access_of(request)
    if access is None or access.tenant is None:
        raise NoTenant("no tenant is chosen in the admin")
    return access


class RightsByRole:
    """The permission methods of Django's admin, answered from the table that REST uses; for pages and inlines.

    A page names its row of `tenants.permissions.LEAST_ROLE`, and in `deeds` what of it can be done on the page at all.
    """

    permission_resource = ""
    deeds = frozenset({READ, CREATE, CHANGE, DELETE})

    def role_allows(self, request: HttpRequest, deed: str) -> bool:
        """Return whether the role in the chosen tenant allows a deed: read, create, change or delete."""
        return deed in self.deeds and allows(tenant_access(request).role, least_role(self.permission_resource, deed))

    def has_module_permission(self, request: HttpRequest) -> bool:
        access = access_of(request)
        return access is not None and access.tenant is not None and self.role_allows(request, READ)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.role_allows(request, READ)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.role_allows(request, CREATE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.role_allows(request, CHANGE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.role_allows(request, DELETE)


def save_changed(obj: Model, names: Iterable[str]) -> None:
    """Write the named fields of a stored object and no others: the gateway writes to the same documents.

    Raises:
        csms.edits.Gone: it was deleted meanwhile.
    """
    stored = {field.name for field in obj._meta.concrete_fields}
    changes = {name: getattr(obj, name) for name in names if name in stored}
    if not changes:
        return
    # The form has written to the object already: what it was is in the database only.
    before = type(obj)._default_manager.filter(pk=obj.pk).values(*changes).first() or {}
    apply_edit(obj, changes, editable=list(changes))
    note_change(before, changes)


def _label(obj: Model) -> str:
    return f"{obj._meta.verbose_name} {obj.pk}"


class KnowsWhatWasShown:
    """Makes a form carry the values it was shown with, so that an edit is told from what changed meanwhile."""

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None:
            field.show_hidden_initial = True
        return field


class SavesWhatWasEdited(KnowsWhatWasShown, AuditedPage):
    """Makes forms and inlines of an admin page write the edited fields only, and the audit log tell of it."""

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        if change:
            save_changed(obj, form.changed_data)
        else:
            obj.save(force_insert=True)

    def save_formset(self, request: HttpRequest, form: ModelForm, formset: BaseModelFormSet, change: bool) -> None:
        formset.save(commit=False)
        for obj in formset.deleted_objects:
            note_change({_label(obj): facts_of(obj)}, {_label(obj): None})
            obj.delete()
        for obj, names in formset.changed_objects:
            with notes_about(_label(obj)):
                save_changed(obj, names)
        for obj in formset.new_objects:
            obj.save(force_insert=True)
            note_change({}, {_label(obj): facts_of(obj)})

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show why nothing was created where only the database could know: a limit, or somebody was faster."""
        try:
            return super().add_view(request, *args, **kwargs)  # type: ignore[misc]
        except CsmsError as error:
            reason = error.detail
        except IntegrityError:
            reason = "somebody has just created one of the same name"
        self.message_user(request, f"Not created: {reason}.", "ERROR")  # type: ignore[attr-defined]
        return HttpResponseRedirect(request.get_full_path())

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().change_view(request, object_id, *args, **kwargs)  # type: ignore[misc]
        except Gone:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]


class TenantModelAdmin(RightsByRole, SavesWhatWasEdited, ModelAdmin):
    """Admin page of a model in the chosen tenant's own database."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # counting each filter's rows reads the whole collection
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EstimatedChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether a list may be filtered by this: by its filters only, not by any field one can name.

        Django's own rule would let a viewer find out a credential hash, a letter at a time.
        """
        field = lookup.split(LOOKUP_SEP, maxsplit=1)[0]
        known = {name for f in self.opts.concrete_fields for name in (f.name, f.attname)} | {"pk"}
        return field not in known or field in self.get_list_filter(request)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Refuse: Django's log is platform-wide and keyed by id, and two tenants may have the same id."""
        raise Http404("There is no history page for a tenant's data.")

    def construct_change_message(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the entry for Django's platform-wide log, with the tenant it belongs to."""
        return [*super().construct_change_message(*args, **kwargs), {"tenant": require_tenant()}]

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Model]) -> Any:
        self.audit_deletions(queryset)
        return LogEntry.objects.log_actions(
            request.user.pk, queryset, DELETION, change_message=[{"tenant": require_tenant()}]
        )


class TenantInline(RightsByRole, KnowsWhatWasShown, TabularInline):
    """Inline of a model in the chosen tenant's own database."""
