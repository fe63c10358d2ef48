"""`/api/v1/sessions` and `/api/v1/id-tokens`: what was charged, and who may charge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import django_filters
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.rest import require_charge_point
from csms.api_view import ApiViewMixin, EditableMixin
from csms.csv_export import CsvListMixin, Row, csv_response, wants_csv
from csms.errors import Conflict
from csms.idempotency import answer_once
from csms.query_filters import Int64Filter, MomentFilter
from sessions_app.authorization import token_key
from sessions_app.local_lists import tokens_changed
from sessions_app.models import ChargingSession, IdToken, MeterValue
from sessions_app.serializers import (
    SAMPLE_COLUMNS,
    IdTokenSerializer,
    MeterValueSerializer,
    SessionSerializer,
)

_CSV_NOTE = "As CSV (`Accept: text/csv` or `?format=csv`) the whole list is streamed, without pages."


class TagFilter(django_filters.CharFilter):
    """A tag in any spelling."""

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        filtered: QuerySet[Any] = super().filter(queryset, token_key(value) if value else value)
        return filtered


class SessionFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    status = django_filters.ChoiceFilter(choices=ChargingSession.Status.choices)
    id_tag = TagFilter(field_name="token_id", max_length=36, label="The tag that started it, in any spelling.")
    transaction_id = Int64Filter()
    start_time_from = MomentFilter(field_name="start_time", lookup_expr="gte", label="Started at or after.")
    start_time_to = MomentFilter(field_name="start_time", lookup_expr="lt", label="Started before.")
    received_from = MomentFilter(field_name="received_at", lookup_expr="gte", label="Known here at or after.")
    received_to = MomentFilter(field_name="received_at", lookup_expr="lt", label="Known here before.")


@extend_schema_view(
    list=extend_schema(summary="List sessions", description=f"Newest first by default. {_CSV_NOTE}"),
    retrieve=extend_schema(summary="Read a session", description="With the last live values while it runs."),
)
class SessionViewSet(CsvListMixin, ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "sessions"
    serializer_class = SessionSerializer
    queryset = ChargingSession.objects.all()
    filterset_class = SessionFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {
        "-received_at": ("-received_at", "-id"),
        "received_at": ("received_at", "id"),
        "-start_time": ("-start_time", "-id"),
        "start_time": ("start_time", "id"),
    }
    csv_name = "sessions.csv"
    csv_header = SessionSerializer.Meta.fields

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        document = self.get_serializer(self.get_object()).data
        if wants_csv(request):
            return csv_response("session.csv", self.csv_header, iter([list(self.csv_rows(document))]))
        return Response(document)

    def csv_rows(self, document: dict[str, Any]) -> Iterator[Row]:
        flat = {**document, "quality": " ".join(document["quality"])}
        yield [flat[name] for name in self.csv_header]


class StationSessionFilter(SessionFilter):
    charge_point_id = None


@extend_schema_view(
    list=extend_schema(
        summary="List a charge point's sessions",
        description=f"Newest first by default. {_CSV_NOTE}",
        parameters=[OpenApiParameter("charge_point_id", str, OpenApiParameter.PATH)],
    )
)
class StationSessionViewSet(SessionViewSet):
    filterset_class = StationSessionFilter

    def get_queryset(self) -> QuerySet[ChargingSession]:
        identity = self.kwargs["charge_point_id"]
        require_charge_point(identity)
        sessions: QuerySet[ChargingSession] = super().get_queryset().filter(charge_point_id=identity)
        return sessions


class MeterValueFilter(django_filters.FilterSet):
    timestamp_from = MomentFilter(field_name="timestamp", lookup_expr="gte", label="Taken at or after.")
    timestamp_to = MomentFilter(field_name="timestamp", lookup_expr="lt", label="Taken before.")


@extend_schema_view(
    list=extend_schema(
        summary="List a session's meter values",
        description=f"In the order they were taken. {_CSV_NOTE} Each sample is a row of its own there.",
        parameters=[OpenApiParameter("session_id", str, OpenApiParameter.PATH)],
        responses={
            (200, "application/json"): MeterValueSerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )
)
class MeterValueViewSet(CsvListMixin, ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "sessions"
    serializer_class = MeterValueSerializer
    queryset = MeterValue.objects.all()
    filterset_class = MeterValueFilter
    orderings = {"timestamp": ("timestamp", "id"), "-timestamp": ("-timestamp", "-id")}
    csv_name = "meter-values.csv"
    _csv_facts = (
        "timestamp",
        "received_at",
        "session_id",
        "charge_point_id",
        "evse_id",
        "connector_id",
        "transaction_id",
    )
    csv_header = (*_csv_facts, *SAMPLE_COLUMNS)

    def get_queryset(self) -> QuerySet[MeterValue]:
        session_id = self.kwargs["session_id"]
        if not ChargingSession.objects.filter(pk=session_id).exists():
            raise Http404
        values: QuerySet[MeterValue] = super().get_queryset().filter(session_id=session_id)
        return values

    def csv_rows(self, document: dict[str, Any]) -> Iterator[Row]:
        for sample in document["samples"]:
            yield [document[name] for name in self._csv_facts] + [sample.get(name) for name in SAMPLE_COLUMNS]


class IdTokenFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=IdToken.Status.choices)
    type = django_filters.ChoiceFilter(choices=IdToken.Kind.choices)
    id_tag = TagFilter(field_name="id", max_length=36, label="The tag, in any spelling.")
    parent_id_tag = django_filters.CharFilter(max_length=36)


@extend_schema_view(
    list=extend_schema(summary="List id tokens"),
    retrieve=extend_schema(summary="Read an id token", description="The tag in the path may be in any spelling."),
    partial_update=extend_schema(
        summary="Change an id token",
        description=(
            "Changes what is given, for example `status`. Stations ask again at their next authorization; those that"
            " hold the token in their local list get an update."
        ),
    ),
)
class IdTokenViewSet(ApiViewMixin, EditableMixin, ListModelMixin, GenericViewSet):
    permission_resource = "id-tokens"
    serializer_class = IdTokenSerializer
    queryset = IdToken.objects.all()
    filterset_class = IdTokenFilter
    lookup_url_kwarg = "id"
    # A tag may hold a slash.
    lookup_value_regex = ".+?"
    orderings = {"id": ("id",), "-id": ("-id",)}
    editable = ("id_tag", "type", "status", "expires_at", "parent_id_tag", "max_active", "note")

    def get_object(self) -> IdToken:
        self.kwargs["id"] = token_key(self.kwargs["id"])
        token: IdToken = super().get_object()
        return token

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        before = self.get_object().parent_id_tag
        answer = super().partial_update(request, *args, **kwargs)
        tokens_changed(before, answer.data["parent_id_tag"])
        return answer

    @extend_schema(
        summary="Create an id token",
        description="409 if the tag exists already, in whatever spelling.",
        responses={201: IdTokenSerializer},
        examples=[
            OpenApiExample(
                "A card that may charge at one place at a time",
                value={"id_tag": "04E91C5A", "status": "accepted", "max_active": 1, "note": "Ada's card"},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, lambda _: self._create(request))

    def _create(self, request: Request) -> Response:
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            token = body.save()
        except IntegrityError:
            tag = body.validated_data["id_tag"]
            raise Conflict(f"there is an id token {tag!r} already", code="id_token_exists") from None
        tokens_changed(token.parent_id_tag)
        return self.with_etag(token, 201, Location=f"{request.path.rstrip('/')}/{quote(token.pk, safe='')}")

    @extend_schema(
        summary="Delete an id token",
        description="The tag is unknown from then on; sessions it started keep it.",
        responses={204: None},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        token = self.get_object()
        self.check_if_match(request, token)
        token.delete()
        tokens_changed(token.parent_id_tag)
        return Response(status=204)
