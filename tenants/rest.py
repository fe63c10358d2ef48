"""`/api/v1/tenants`: the platform's tenants for its superuser; a member sees their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from csms.api_view import ApiViewMixin, EditableMixin
from csms.edits import apply_edit
from csms.errors import Conflict
from csms.fields import MomentField, StrictSerializer, WholeNumberField
from csms.idempotency import answer_once
from csms.query_filters import refuse_unknown
from tenants.access import Access
from tenants.deletion import check_deletable, delete_tenant
from tenants.migration import migrate_tenant
from tenants.models import Tenant
from tenants.permissions import CHANGE
from tenants.station_authorities import MAX_PEM_LENGTH
from tenants.station_trust import check_trust

CONFIGURATION = (
    "max_charge_points",
    "api_rate_limit",
    "queue_enabled",
    "mqtt_topic_prefix",
    "auto_register",
    "auto_register_as",
    "boot_retry_interval",
    "min_security_profile",
    "organization",
    "station_authorities",
    "station_revocation_lists",
    "default_heartbeat_interval",
    "message_log",
    "message_log_days",
)


class TenantConfigurationSerializer(StrictSerializer, serializers.ModelSerializer):
    max_charge_points = WholeNumberField(min_value=0, max_value=10_000_000, required=False)
    api_rate_limit = WholeNumberField(
        min_value=1, max_value=10_000_000, required=False, help_text="REST requests per minute, all members together."
    )
    queue_enabled = serializers.BooleanField(required=False, help_text="Keep commands for offline stations.")
    auto_register = serializers.BooleanField(
        required=False, help_text="Take in a station nobody created, with the key it presents first."
    )
    auto_register_as = serializers.ChoiceField(
        Tenant.NewStations.choices, required=False, help_text="The registration of such a station until you change it."
    )
    boot_retry_interval = WholeNumberField(
        min_value=1,
        max_value=86400,
        required=False,
        help_text="Seconds after which a station that is pending or rejected asks again.",
    )
    min_security_profile = WholeNumberField(min_value=1, max_value=3, required=False)
    organization = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        help_text="What the certificates of stations must name as their organization; empty: whatever they say.",
    )
    station_authorities = serializers.CharField(
        max_length=MAX_PEM_LENGTH,
        required=False,
        allow_blank=True,
        help_text="In PEM: the authorities that issue certificates for the stations of this tenant.",
    )
    station_revocation_lists = serializers.CharField(
        max_length=MAX_PEM_LENGTH,
        required=False,
        allow_blank=True,
        help_text="In PEM: the certificates that these authorities have revoked.",
    )
    default_heartbeat_interval = WholeNumberField(min_value=10, max_value=86400, required=False, help_text="Seconds.")
    message_log_days = WholeNumberField(min_value=1, max_value=3650, required=False)

    class Meta:
        model = Tenant
        fields = CONFIGURATION


class TenantSerializer(StrictSerializer, serializers.ModelSerializer):
    slug = serializers.CharField(read_only=True)
    database_name = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(Tenant.Status.choices, read_only=True)
    configuration = TenantConfigurationSerializer(source="*", required=False)
    created_at = MomentField(read_only=True)
    updated_at = MomentField(read_only=True)

    class Meta:
        model = Tenant
        fields = ("slug", "name", "database_name", "status", "configuration", "created_at", "updated_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the certificates in it, of which one field is about the other."""
        slug = self.instance.slug if self.instance is not None else attrs.get("slug", "")
        wrong = check_trust(slug, attrs, self.instance)
        if wrong:
            raise serializers.ValidationError({"configuration": wrong})
        return attrs


class NewTenantSerializer(TenantSerializer):
    slug = serializers.CharField(
        max_length=40,
        trim_whitespace=False,
        validators=Tenant._meta.get_field("slug").validators[:1],
        help_text="a-z, 0-9 and '-'. Part of the stations' URL and of the database name; never changes.",
    )


@extend_schema_view(
    list=extend_schema(summary="List tenants", description="All for a platform superuser, their own for members."),
    retrieve=extend_schema(summary="Read a tenant", description="The ETag is for `If-Match` in a PATCH."),
    partial_update=extend_schema(
        summary="Configure a tenant",
        description="Changes what is given, also inside `configuration`. The gateway follows within five seconds.",
    ),
)
class TenantViewSet(ApiViewMixin, EditableMixin, ListModelMixin, GenericViewSet):
    permission_resource = "tenants"
    serializer_class = TenantSerializer
    queryset = Tenant.objects.all()
    lookup_field = "slug"
    lookup_value_regex = "[^/]+"
    # Creating a database with its indexes takes longer than a look.
    storage_seconds = 60.0
    orderings = {"slug": ("slug",), "-slug": ("-slug",)}
    editable = ("name", "status", *CONFIGURATION)

    def get_queryset(self) -> QuerySet[Tenant]:
        tenants = super().get_queryset()
        access: Access = self.request.auth
        return tenants if access.user.is_superuser else tenants.filter(slug=access.slug)

    @extend_schema(
        summary="Create a tenant",
        description="Creates its database with all indexes. Platform superusers only.",
        request=NewTenantSerializer,
        responses={201: TenantSerializer},
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, lambda _: self._create(request))

    def _create(self, request: Request) -> Response:
        body = NewTenantSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        tenant = _create(body.validated_data)
        return self.with_etag(tenant, 201, Location=f"{request.path.rstrip('/')}/{tenant.slug}")

    @extend_schema(
        summary="Suspend a tenant",
        description=(
            "Its members are refused and its stations disconnected until it is resumed, those that charge when they"
            " have finished. Nothing is deleted."
        ),
        request=None,
        responses={200: TenantSerializer},
    )
    @action(detail=True, methods=["post"], permission_deed=CHANGE)
    def suspend(self, request: Request, slug: str) -> Response:
        return self._set_status(Tenant.Status.SUSPENDED)

    @extend_schema(
        summary="Resume a tenant",
        description="Lets members and stations of a suspended tenant in again.",
        request=None,
        responses={200: TenantSerializer},
    )
    @action(detail=True, methods=["post"], permission_deed=CHANGE)
    def resume(self, request: Request, slug: str) -> Response:
        return self._set_status(Tenant.Status.ACTIVE)

    @extend_schema(
        summary="Delete a tenant",
        description=(
            "For good, with its database and members; there is no way back but a file of `manage.py export_tenant`."
            " Asked twice: the tenant has to be suspended, and `confirm` has to repeat its slug. 409 while stations are"
            " being disconnected or events are being sent: ask again after `Retry-After`."
        ),
        parameters=[OpenApiParameter("confirm", str, description="The slug once more.")],
        responses={204: None},
    )
    def destroy(self, request: Request, slug: str) -> Response:
        refuse_unknown(request, {"confirm"})
        tenant: Tenant = get_object_or_404(self.get_queryset(), slug=slug)
        if request.query_params.get("confirm") != tenant.slug:
            raise Conflict(
                f"this deletes everything of {tenant.slug!r}, for good: add ?confirm={tenant.slug}",
                code="confirmation_required",
            )
        check_deletable(tenant, datetime.now(UTC))
        delete_tenant(tenant)
        return Response(status=204)

    def _set_status(self, status: Tenant.Status) -> Response:
        tenant = self.get_object()
        apply_edit(tenant, {"status": status.value}, editable=self.editable)
        return self.with_etag(tenant)


def _create(values: dict[str, Any]) -> Tenant:
    """Store a tenant and create its database; if that fails, nothing of the tenant stays.

    Raises:
        Conflict: there is a tenant of this slug.
    """
    tenant = Tenant(**values, database_ready=False)
    try:
        tenant.save(force_insert=True)
    except IntegrityError:
        raise Conflict(f"there is a tenant {tenant.slug!r} already", code="tenant_exists") from None
    try:
        migrate_tenant(tenant.slug)
    except BaseException:
        Tenant.objects.filter(slug=tenant.slug).delete()
        raise
    tenant.database_ready = True
    return tenant
