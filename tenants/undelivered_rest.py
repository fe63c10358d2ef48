"""`/api/v1/undelivered-events`: events the MQTT broker has refused, to be looked at and sent again."""

from __future__ import annotations

from typing import Any

import django_filters
import orjson
from django.conf import settings
from django.db import connections
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import DestroyModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from csms.api_view import ApiViewMixin
from csms.fields import MomentField, StrictSerializer
from csms.query_filters import MomentFilter
from csms.redis import sync_redis
from events.hints import nudge
from events.models import UndeliveredEvent
from events.undelivered import send_again
from tenants.context import require_tenant
from tenants.permissions import CHANGE
from tenants.routing import alias_for

MOST_IDS = 1000
# A Redis that stands still does not keep anybody waiting for longer: without a nudge the publisher finds them, too.
NUDGE_SECONDS = 0.5


class UndeliveredEventSerializer(serializers.ModelSerializer[UndeliveredEvent]):
    id = serializers.CharField(help_text="The `event_id` of the message.")
    retain = serializers.BooleanField(help_text="Whether it is the station's status, which the broker keeps.")
    reason = serializers.CharField(help_text="Why the broker did not take it, in its own words where it said so.")
    payload = serializers.SerializerMethodField(
        help_text="The message; null for the empty one by which a status is deleted."
    )
    stored_at = MomentField(help_text="When the fact was stored.")
    set_aside_at = MomentField()

    class Meta:
        model = UndeliveredEvent
        fields = (
            "id",
            "type",
            "charge_point_id",
            "sequence",
            "topic",
            "retain",
            "payload",
            "reason",
            "tries",
            "stored_at",
            "set_aside_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_payload(self, event: UndeliveredEvent) -> Any:
        """Return what the message says."""
        return orjson.loads(event.payload) if event.payload else None


class SendAgainSerializer(StrictSerializer, serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.CharField(max_length=32),
        required=False,
        allow_empty=False,
        max_length=MOST_IDS,
        help_text="Which; all of the tenant's if it is left out. Those that are gone are passed over.",
    )


class SentAgainSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="How many are on their way to the broker once more.")


class UndeliveredEventFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    type = django_filters.CharFilter(max_length=50, strip=False)
    set_aside_from = MomentFilter(field_name="set_aside_at", lookup_expr="gte", label="At or after.")
    set_aside_to = MomentFilter(field_name="set_aside_at", lookup_expr="lt", label="Before.")


@extend_schema_view(
    list=extend_schema(summary="List undelivered events", description="What the broker has refused, newest first."),
    retrieve=extend_schema(summary="Read an undelivered event"),
    destroy=extend_schema(summary="Delete an undelivered event", description="No subscriber will ever get it."),
)
class UndeliveredEventViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, DestroyModelMixin, GenericViewSet):
    permission_resource = "undelivered-events"
    serializer_class = UndeliveredEventSerializer
    queryset = UndeliveredEvent.objects.all()
    filterset_class = UndeliveredEventFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"-set_aside_at": ("-set_aside_at", "-id"), "set_aside_at": ("set_aside_at", "id")}

    @extend_schema(
        summary="Send undelivered events again",
        description=(
            "Oldest first, with the `event_id` and the `sequence` they had; they come after newer events. One that the"
            " broker refuses once more is in the list again some seconds later."
        ),
        request=SendAgainSerializer,
        responses={200: SentAgainSerializer},
    )
    @action(detail=False, methods=["post"], url_path="send-again", permission_deed=CHANGE)
    def send_again(self, request: Request) -> Response:
        body = SendAgainSerializer(data=request.data or {})
        body.is_valid(raise_exception=True)
        return Response({"count": send_again_of_tenant(body.validated_data.get("ids"))})


def send_again_of_tenant(ids: list[str] | None) -> int:
    """Send events of the current tenant again, all if none are named; return how many."""
    slug = require_tenant()
    count = send_again(connections[alias_for(slug)].database, ids)
    if count:
        nudge(sync_redis(NUDGE_SECONDS), settings.OUTBOX_CHANNEL, slug)
    return count
