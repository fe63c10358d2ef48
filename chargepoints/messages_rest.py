"""`/api/v1/chargepoints/{id}/messages`: the message log."""

from __future__ import annotations

from typing import Any

import django_filters
import orjson
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from chargepoints.models import Direction, FrameKind, OcppMessage
from chargepoints.rest import require_charge_point
from csms.api_view import ApiViewMixin
from csms.fields import MomentField
from csms.query_filters import MomentFilter


class OcppMessageSerializer(serializers.ModelSerializer[OcppMessage]):
    at = MomentField()
    direction = serializers.ChoiceField(Direction.choices)
    kind = serializers.ChoiceField(FrameKind.choices)
    result = serializers.CharField(help_text="The status in an answer, or the code of an error; else empty.")
    payload = serializers.SerializerMethodField(
        help_text="Without secrets and id tags; null where it was longer than 64 KiB."
    )

    class Meta:
        model = OcppMessage
        fields = ("id", "at", "direction", "kind", "message_id", "action", "result", "payload")
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_payload(self, message: OcppMessage) -> Any:
        """Return what was said."""
        return orjson.loads(message.payload) if message.payload else None


class OcppMessageFilter(django_filters.FilterSet):
    action = django_filters.CharFilter(max_length=50, strip=False)
    direction = django_filters.ChoiceFilter(choices=Direction.choices)
    kind = django_filters.ChoiceFilter(choices=FrameKind.choices)
    result = django_filters.CharFilter(max_length=50, strip=False)
    message_id = django_filters.CharFilter(max_length=255, strip=False)
    at_from = MomentFilter(field_name="at", lookup_expr="gte", label="At or after.")
    at_to = MomentFilter(field_name="at", lookup_expr="lt", label="Before.")


@extend_schema_view(
    list=extend_schema(
        summary="List a charge point's messages",
        description=(
            "Newest first; what the tenant's `message_log` lets be kept, for `message_log_days`. An answer has the"
            " `message_id` and the `action` of its call."
        ),
        parameters=[OpenApiParameter("charge_point_id", str, OpenApiParameter.PATH)],
    )
)
class OcppMessageViewSet(ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "messages"
    serializer_class = OcppMessageSerializer
    queryset = OcppMessage.objects.all()
    filterset_class = OcppMessageFilter
    orderings = {"-at": ("-at", "-id"), "at": ("at", "id")}

    def get_queryset(self) -> QuerySet[OcppMessage]:
        identity = self.kwargs["charge_point_id"]
        require_charge_point(identity)
        messages: QuerySet[OcppMessage] = super().get_queryset().filter(charge_point_id=identity)
        return messages
