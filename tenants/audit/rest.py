"""`/api/v1/audit-log`: who did what in the tenant, for its administrators; nobody can write to it or delete from it."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.viewsets import GenericViewSet

from csms.api_view import ApiViewMixin
from csms.query_filters import MomentFilter
from tenants.access import SUPERUSER, Access
from tenants.audit.models import ActorKind, AuditEntry, Via
from tenants.audit.serializers import AuditEntrySerializer
from tenants.context import NoTenant, current_tenant


class AuditEntryFilter(django_filters.FilterSet):
    actor = django_filters.CharFilter(max_length=150, strip=False)
    actor_kind = django_filters.ChoiceFilter(choices=ActorKind.choices)
    via = django_filters.ChoiceFilter(choices=Via.choices)
    action = django_filters.CharFilter(max_length=50, strip=False)
    target_type = django_filters.CharFilter(max_length=50, strip=False)
    target_id = django_filters.CharFilter(max_length=200, strip=False)
    at_from = MomentFilter(field_name="at", lookup_expr="gte")
    at_to = MomentFilter(field_name="at", lookup_expr="lt")


@extend_schema_view(
    list=extend_schema(
        summary="List the audit log",
        description=(
            "Newest first: every change and command, log-ins and refused ones. For administrators of the tenant; a"
            " platform superuser who names no tenant gets the platform's own log."
        ),
    ),
    retrieve=extend_schema(summary="Read an entry of the audit log"),
)
class AuditEntryViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    permission_resource = "audit-log"
    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.none()
    filterset_class = AuditEntryFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"-at": ("-at", "-id"), "at": ("at", "id")}

    def get_queryset(self) -> QuerySet[AuditEntry]:
        access: Access = self.request.auth
        # Without a tenant in force the router answers with the platform's log, which is for nobody else.
        if current_tenant() is None and access.role != SUPERUSER:
            raise NoTenant("no tenant is chosen")
        return AuditEntry.objects.all()
