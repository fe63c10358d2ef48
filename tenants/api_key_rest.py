"""`/api/v1/api-keys`: keys for programs, made and revoked by administrators of the tenant."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from csms.api_view import ApiViewMixin
from csms.fields import MomentField, StrictSerializer
from csms.idempotency import Seed, answer_once
from tenants.api_key import STATES, ApiKey
from tenants.api_keys import LONGEST_LIFETIME, RESOURCES, create_key, key_text, revoke
from tenants.context import require_tenant
from tenants.roles import Role


class ApiKeySerializer(serializers.ModelSerializer):
    role = serializers.ChoiceField(Role.choices)
    resources = serializers.ListField(child=serializers.CharField(), help_text="Empty: all that keys are good for.")
    state = serializers.SerializerMethodField()
    created_at = MomentField()
    expires_at = MomentField()
    revoked_at = MomentField(allow_null=True)
    last_used_at = MomentField(allow_null=True, help_text="To the minute.")

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "id",
            "name",
            "role",
            "resources",
            "state",
            "created_by",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "last_used_from",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ChoiceField(STATES))
    def get_state(self, key: ApiKey) -> str:
        return key.state(datetime.now(UTC))


class NewApiKeySerializer(StrictSerializer):
    name = serializers.CharField(max_length=100, help_text="What uses it; shown wherever the key has done something.")
    role = serializers.ChoiceField(Role.choices, default=Role.VIEWER.value, help_text="A viewer only reads.")
    resources = serializers.ListField(
        child=serializers.ChoiceField(RESOURCES),
        default=list,
        help_text="Rows of the table of roles that it may be used for; all but those for people if there are none.",
    )
    expires_at = MomentField(required=False, help_text="A year from now without it, two years at most.")

    def validate_expires_at(self, value: datetime) -> datetime:
        """Return the end if it lies in the future, and not too far."""
        now = datetime.now(UTC)
        if not now < value <= now + LONGEST_LIFETIME + timedelta(minutes=1):
            raise serializers.ValidationError(f"use a moment within the next {LONGEST_LIFETIME.days} days")
        return value


class CreatedApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(help_text="Shown only now: a hash of it is stored.")

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")
        read_only_fields: tuple[str, ...] = fields


class ApiKeyFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=[(state, state) for state in STATES], method="in_state")
    role = django_filters.ChoiceFilter(choices=Role.choices)

    def in_state(self, queryset: QuerySet[ApiKey], name: str, value: str) -> QuerySet[ApiKey]:
        """Return the keys in a state."""
        now = datetime.now(UTC)
        if value == "revoked":
            return queryset.exclude(revoked_at=None)
        end = {"expires_at__gt": now} if value == "active" else {"expires_at__lte": now}
        return queryset.filter(revoked_at=None, **end)


@extend_schema_view(
    list=extend_schema(summary="List API keys", description="Also those that have expired or were revoked."),
    retrieve=extend_schema(summary="Read an API key", description="Without the key itself, which is stored nowhere."),
)
class ApiKeyViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    permission_resource = "api-keys"
    serializer_class = ApiKeySerializer
    queryset = ApiKey.objects.all()
    filterset_class = ApiKeyFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}

    def get_queryset(self) -> QuerySet[ApiKey]:
        keys: QuerySet[ApiKey] = super().get_queryset().filter(tenant_id=require_tenant())
        return keys

    @extend_schema(
        summary="Create an API key",
        description=(
            "The answer carries the key, which is shown only now. Send it as `Authorization: Bearer csms_...` or as"
            " `X-API-Key`. Keys cannot manage keys or members: only people can."
        ),
        request=NewApiKeySerializer,
        responses={201: CreatedApiKeySerializer},
        examples=[
            OpenApiExample(
                "A billing program that reads sessions",
                value={"name": "billing", "role": "viewer", "resources": ["sessions"]},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        return answer_once(
            request, lambda seed: self._create(request, seed), secrets=lambda seed: {"key": key_text(_secret(seed))}
        )

    def _create(self, request: Request, seed: Seed | None) -> Response:
        body = NewApiKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(body.validated_data)
        new = create_key(
            require_tenant(),
            created_by=request.user.get_username(),
            secret=_secret(seed) if seed else None,
            **values,
        )
        answer = {**self.get_serializer(new.key).data, "key": new.text}
        location = f"{request.path.rstrip('/')}/{new.key.pk}"
        return Response(answer, status=201, headers={"Location": location, "Cache-Control": "no-store"})

    @extend_schema(
        summary="Revoke an API key",
        description="At once and for good. The key stays in the list, without being good for anything.",
        responses={204: None},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        revoke(self.get_object())
        return Response(status=204)


def _secret(seed: Seed) -> str:
    """Return the secret of a key whose request may be repeated; as long as one that is drawn."""
    return hashlib.sha256(f"api-key:{seed.secret()}".encode()).hexdigest()
