"""`/api/v1/charging-profiles`: limits that an operator keeps, to be given to stations."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.charging_profile_serializers import StoredProfileSerializer, stored_fields
from chargepoints.models import ChargingProfile
from csms.api_view import ApiViewMixin, EditableMixin
from csms.edits import apply_edit
from csms.idempotency import answer_once
from csms.query_filters import TruthFilter

_EXAMPLE = {
    "name": "Less in the evening",
    "purpose": "tx_default",
    "kind": "recurring",
    "recurrency": "daily",
    "stack_level": 1,
    "is_default": True,
    "schedule": {
        "unit": "A",
        "start_time": "2026-01-01T00:00:00Z",
        "duration": 86400,
        "periods": [{"start": 0, "limit": 32}, {"start": 61200, "limit": 10}, {"start": 75600, "limit": 32}],
    },
}


class ChargingProfileFilter(django_filters.FilterSet):
    purpose = django_filters.ChoiceFilter(choices=ChargingProfile.Purpose.choices)
    is_default = TruthFilter()


@extend_schema_view(
    list=extend_schema(summary="List charging profiles"),
    retrieve=extend_schema(summary="Read a charging profile"),
)
class ChargingProfileViewSet(ApiViewMixin, EditableMixin, ListModelMixin, GenericViewSet):
    permission_resource = "charging-profiles"
    serializer_class = StoredProfileSerializer
    queryset = ChargingProfile.objects.all()
    filterset_class = ChargingProfileFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9]{1,9}"
    orderings = {"id": ("id",), "-id": ("-id",)}
    editable = (
        "name",
        "purpose",
        "kind",
        "recurrency",
        "stack_level",
        "valid_from",
        "valid_to",
        "schedule",
        "is_default",
        "evse_id",
    )

    @extend_schema(
        summary="Create a charging profile",
        description="It is kept here; `set-charging-profile` with `profile_id`, or `is_default`, gives it to stations.",
        responses={201: StoredProfileSerializer},
        examples=[OpenApiExample("Less in the evening", value=_EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, lambda _: self._create(request))

    def _create(self, request: Request) -> Response:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        profile = body.save()
        return self.with_etag(profile, 201, Location=f"{request.path.rstrip('/')}/{profile.id}")

    @extend_schema(
        summary="Change a charging profile",
        description="Stations keep the one they were given; a default is given anew after their next boot.",
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change the fields that are given; the schedule is replaced as a whole."""
        profile = self.get_object()
        body = self.get_serializer(profile, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        named = {name: value for name, value in stored_fields(body.validated_data).items() if name in request.data}
        apply_edit(profile, named, editable=self.editable, if_match=request.headers.get("If-Match"))
        return self.with_etag(profile)

    @extend_schema(
        summary="Delete a charging profile",
        description="Stations keep the one they were given, until it is cleared there.",
        responses={204: None},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        profile = self.get_object()
        self.check_if_match(request, profile)
        ChargingProfile.objects.filter(pk=profile.pk).delete()
        return Response(status=204)
