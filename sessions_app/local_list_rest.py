"""`/api/v1/local-lists`: the tokens that stations hold for themselves, for when they are offline."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import F
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.rest import require_charge_point
from csms.api_view import ApiViewMixin
from sessions_app.local_list_serializers import LocalListSerializer
from sessions_app.models import LocalList


class LocalListFilter(django_filters.FilterSet):
    mode = django_filters.ChoiceFilter(choices=LocalList.Mode.choices)


@extend_schema_view(
    list=extend_schema(summary="List local lists", description="Of the stations that were given one."),
)
class LocalListViewSet(ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "local-lists"
    serializer_class = LocalListSerializer
    queryset = LocalList.objects.defer("held")
    filterset_class = LocalListFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"id": ("id",), "-id": ("-id",)}

    @extend_schema(
        summary="Read a station's local list", description="`id` is the charge point's; a station without one is `off`."
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self._local_list()).data)

    @extend_schema(
        summary="Choose a station's local list",
        description=(
            "The station gets the list within seconds, or when it is connected again, and each change of a token after"
            " that. `off` empties it. A station that has refused before is asked anew."
        ),
        examples=[
            OpenApiExample("The tokens of one company", value={"mode": "group", "parent_id_tag": "ACME"}),
        ],
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        local_list = self._local_list()
        body = self.get_serializer(local_list, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        self._renew(local_list.pk, **body.validated_data)
        return Response(self.get_serializer(self._local_list()).data)

    @extend_schema(
        summary="Send a station its whole local list again",
        description="Also to one that has refused it, or said that it has none.",
        request=None,
        responses={202: LocalListSerializer},
    )
    @action(detail=True, methods=["post"])
    def synchronize(self, request: Request, **kwargs: Any) -> Response:
        self._renew(self._local_list().pk)
        return Response(self.get_serializer(self._local_list()).data, status=202)

    def _local_list(self) -> LocalList:
        identity = self.kwargs["id"]
        require_charge_point(identity)
        return self.get_queryset().filter(pk=identity).first() or LocalList(id=identity)

    def _renew(self, identity: str, **chosen: Any) -> None:
        """Have a station asked for its version and sent a full list, at the next look around."""
        LocalList.objects.get_or_create(pk=identity)
        LocalList.objects.filter(pk=identity).update(
            **chosen, due=True, ask=True, full=True, trouble=0, supported=None, changes=F("changes") + 1
        )
