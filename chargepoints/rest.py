"""`/api/v1/chargepoints`: what is installed, its live state, and the keys stations log in with."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.models import ChargePoint, Connector, ConnectorState, Registration
from chargepoints.provisioning import create_charge_point, delete_charge_point, rotate_key
from chargepoints.serializers import (
    ChargePointSerializer,
    ConnectorSerializer,
    NewChargePointSerializer,
    StationKeySerializer,
    station_key,
)
from csms.api_view import ApiViewMixin, EditableMixin
from csms.idempotency import Seed, answer_once
from csms.query_filters import TruthFilter

# A key must not stay in a cache on the way.
_SECRET = {"Cache-Control": "no-store"}


class ChargePointFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=ConnectorState.choices)
    registration = django_filters.ChoiceFilter(choices=Registration.choices)
    vendor = django_filters.CharFilter(max_length=50, strip=False)
    model = django_filters.CharFilter(max_length=50, strip=False)
    connected = TruthFilter(
        field_name="connected", lookup_expr="isnull", exclude=True, label="Whether a socket of the station is open."
    )


@extend_schema_view(
    list=extend_schema(summary="List charge points"),
    retrieve=extend_schema(
        summary="Read a charge point",
        description=(
            "With its connectors and whether it is connected now. Percent-encode the id. The ETag covers what people"
            " edit, not what the station reports; send it as `If-Match` in a PATCH."
        ),
    ),
    partial_update=extend_schema(
        summary="Edit a charge point",
        description="Changes what is given. With `If-Match` only if nobody else has edited it since (412).",
    ),
)
class ChargePointViewSet(ApiViewMixin, EditableMixin, ListModelMixin, GenericViewSet):
    permission_resource = "charge-points"
    serializer_class = ChargePointSerializer
    queryset = ChargePoint.objects.prefetch_related("connectors")
    filterset_class = ChargePointFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"id": ("id",), "-id": ("-id",)}
    editable = ("name", "registration", "security_profile", "latitude", "longitude", "address", "tags")

    @extend_schema(
        summary="Create a charge point",
        description=(
            "The answer carries the key the station logs in with (HTTP Basic, user name = id). It is shown only now:"
            " a hash of it is stored. 409 if the id is taken or the tenant has as many stations as it may."
        ),
        request=NewChargePointSerializer,
        responses={201: StationKeySerializer},
        examples=[
            OpenApiExample(
                "A station in a car park",
                value={
                    "id": "tenant1_CP901",
                    "name": "Car park, bay 4",
                    "location": {"lat": 52.52, "lon": 13.405, "address": "Alexanderplatz 1, Berlin"},
                    "tags": ["car-park"],
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        return answer_once(
            request, lambda seed: self._create(request, seed), secrets=lambda seed: {"key": seed.secret()}
        )

    def _create(self, request: Request, seed: Seed | None) -> Response:
        body = NewChargePointSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = dict(body.validated_data)
        station, key = create_charge_point(values.pop("id"), key=seed.secret() if seed else None, **values)
        answer = self.with_etag(station, 201, Location=_location(request, station.id), **_SECRET)
        answer.data = {**answer.data, **station_key(station.id, key)}
        return answer

    @extend_schema(
        summary="Delete a charge point",
        description="Its connectors go with it; its sessions and meter values stay.",
        responses={204: None},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        station = self.get_object()
        self.check_if_match(request, station)
        if not delete_charge_point(station.id):
            raise Http404
        return Response(status=204)

    @extend_schema(
        summary="Give a charge point a new key",
        description=(
            "The new key is shown only now. The old one stops working, and within seconds a socket that it opened is"
            " closed, so change it at the station too."
        ),
        request=None,
        responses={200: StationKeySerializer},
    )
    @action(detail=True, methods=["post"], permission_resource="charge-point-credentials")
    def credentials(self, request: Request, **kwargs: Any) -> Response:
        station = self.get_object()
        key = rotate_key(station.id)
        return Response({**self.get_serializer(station).data, **station_key(station.id, key)}, headers=_SECRET)


@extend_schema_view(
    list=extend_schema(
        summary="List a charge point's connectors",
        parameters=[OpenApiParameter("charge_point_id", str, OpenApiParameter.PATH)],
    )
)
class ConnectorViewSet(ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "charge-points"
    serializer_class = ConnectorSerializer
    queryset = Connector.objects.all()
    orderings = {"evse_id": ("evse_id", "connector_id", "id")}

    def get_queryset(self) -> QuerySet[Connector]:
        identity = self.kwargs["charge_point_id"]
        require_charge_point(identity)
        connectors: QuerySet[Connector] = super().get_queryset().filter(charge_point_id=identity)
        return connectors


def require_charge_point(identity: str) -> None:
    """Check that the current tenant has a charge point.

    Raises:
        django.http.Http404: it has none of this id.
    """
    if not ChargePoint.objects.filter(pk=identity).exists():
        raise Http404


def _location(request: Request, identity: str) -> str:
    return f"{request.path.rstrip('/')}/{quote(identity, safe='')}"
