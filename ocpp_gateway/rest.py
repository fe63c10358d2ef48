"""`/api/v1/clients` (also `/clients`): the stations that are connected now, over all instances."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.urls import re_path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from csms.api_view import ApiViewMixin
from csms.fields import MomentField
from csms.pagination import MAX_PAGE_SIZE, PAGE_SIZE
from csms.query_filters import refuse_unknown
from ocpp_gateway.dispatch import PresenceUnavailable
from ocpp_gateway.gateway import gateway
from ocpp_gateway.presence import Owner
from tenants.context import require_tenant


class ClientSerializer(serializers.Serializer[Owner]):
    """A connected station."""

    tenant_id = serializers.CharField(source="tenant")
    charge_point_id = serializers.CharField(source="station")
    instance = serializers.CharField(help_text="The process that holds the station's socket.")
    ocpp_version = serializers.CharField()
    since = MomentField()


class ClientPageSerializer(serializers.Serializer[Any]):
    """A page of connected stations, ordered by their ids."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ClientSerializer(many=True)


async def _owners(tenant: str) -> list[Owner]:
    try:
        return await gateway().presence.owners(tenant)
    except (RedisError, OSError) as error:
        raise PresenceUnavailable(f"cannot find out which stations are connected: {error}") from None


class ClientsView(ApiViewMixin, APIView):
    permission_resource = "clients"

    @extend_schema(
        summary="List connected stations",
        operation_id="clients_list",
        parameters=[
            OpenApiParameter("cursor", str, description="Where to go on, as in `next`."),
            OpenApiParameter("page_size", int, description=f"1 to {MAX_PAGE_SIZE}, {PAGE_SIZE} by default."),
        ],
        responses=ClientPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return a page of the tenant's connected stations."""
        refuse_unknown(request, {"cursor", "page_size"})
        size = _page_size(request.query_params.get("page_size"))
        after = request.query_params.get("cursor", "")
        owners = [owner for owner in async_to_sync(_owners)(require_tenant()) if owner.station > after]
        page = owners[:size]
        url = request.build_absolute_uri()
        more = replace_query_param(url, "cursor", page[-1].station) if len(owners) > size else None
        return Response({"next": more, "previous": None, "results": ClientSerializer(page, many=True).data})


def _page_size(text: str | None) -> int:
    try:
        size = PAGE_SIZE if text is None else int(text)
    except ValueError:
        size = 0
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise ValidationError({"page_size": [f"use a number from 1 to {MAX_PAGE_SIZE}"]})
    return size


urlpatterns = [re_path(r"^clients/?$", ClientsView.as_view(), name="clients")]
