"""`/api/v1/reservations`: connectors kept for somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import django_filters
from asgiref.sync import async_to_sync
from django.urls import re_path
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from chargepoints.booking import book, note_command, unbook
from chargepoints.commands import NewCommand, find_command
from chargepoints.models import ChargePoint, CommandState, Connector, Reservation, ReservationState
from csms.api_view import ApiViewMixin
from csms.errors import Conflict, CsmsError, StorageUnavailable
from csms.idempotency import answer_once
from csms.query_filters import MomentFilter
from ocpp_gateway.command_rest import check_payload, check_station, station_and_version, submit_command
from ocpp_gateway.command_serializers import DEFAULT_LIFETIME_SECONDS
from ocpp_gateway.commands import cancel_reservation, reserve
from ocpp_gateway.commands.verb import Parameters, Verb
from ocpp_gateway.gateway import gateway
from ocpp_gateway.protocol.versions import OcppVersion
from ocpp_gateway.reservation_serializers import NewReservationSerializer, ReservationSerializer
from sessions_app.authorization import AuthorizationStatus, find_verdict
from tenants.context import require_tenant
from tenants.directory import find_tenant


class ReservationFilter(django_filters.FilterSet):
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)
    state = django_filters.ChoiceFilter(choices=ReservationState.choices)
    expires_from = MomentFilter(field_name="expires_at", lookup_expr="gte", label="Ends at or after.")
    expires_to = MomentFilter(field_name="expires_at", lookup_expr="lt", label="Ends before.")


@extend_schema_view(
    list=extend_schema(summary="List reservations", description="Newest first."),
    retrieve=extend_schema(summary="Read a reservation", description="Percent-encode the id."),
)
class ReservationViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    permission_resource = "reservations"
    serializer_class = ReservationSerializer
    queryset = Reservation.objects.all()
    filterset_class = ReservationFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"-created_at": ("-created_at", "-id"), "created_at": ("created_at", "id")}

    @extend_schema(
        summary="Reserve a connector",
        description=(
            "Stores the reservation as `requested` and asks the station; read it again for the station's answer:"
            " `active`, or `refused` with its reason in `answer`. 409 `connector_reserved` if the connector is kept for"
            " somebody already; 409 `station_offline` if the station is offline and the tenant keeps no commands."
        ),
        request=NewReservationSerializer,
        responses={202: ReservationSerializer},
        examples=[
            OpenApiExample(
                "Connector 1 until eight",
                value={
                    "charge_point_id": "tenant1_CP001",
                    "evse_id": 1,
                    "id_tag": "TENANT1TAG001",
                    "expires_at": "2030-01-31T20:00:00Z",
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        return answer_once(request, lambda _: self._create(request))

    def _create(self, request: Request) -> Response:
        body = NewReservationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        station, version = station_and_version(values["charge_point_id"])
        _check_connector(station, values["evse_id"])
        parent = _parent_of(values["id_tag"])
        now = datetime.now(UTC)
        requested_by = request.user.get_username()
        reservation = book(
            station.id,
            evse_id=values["evse_id"],
            id_tag=values["id_tag"],
            parent_id_tag=parent,
            expires_at=values["expires_at"],
            requested_by=requested_by,
            now=now,
        )
        try:
            # Nobody is told of it after its own time.
            lifetime = values["expires_at"] - now
            asked = _ask(reserve.VERB, _parameters(reservation), station, version, by=requested_by, lifetime=lifetime)
            note_command(reservation, asked)
        except StorageUnavailable:
            raise  # nobody knows whether the command is stored; what is not is tidied up
        except (CsmsError, ValidationError):
            unbook(reservation)
            raise
        location = f"{request.path.rstrip('/')}/{quote(reservation.pk, safe='')}"
        return Response(self.get_serializer(reservation).data, status=202, headers={"Location": location})

    @extend_schema(
        summary="Cancel a reservation",
        description=(
            "Asks the station to give the connector free, or takes back the request if it was not sent yet. Read the"
            " reservation again for its end. 409 if it is over already, or just being asked for."
        ),
        request=None,
        responses={202: ReservationSerializer},
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        reservation = self.get_object()
        if reservation.state == ReservationState.REQUESTED:
            _take_back(reservation)
        elif reservation.state in (ReservationState.ACTIVE, ReservationState.FAILED):
            # One that failed may have reached the station all the same.
            station, version = station_and_version(reservation.charge_point_id)
            lifetime = timedelta(seconds=DEFAULT_LIFETIME_SECONDS)
            parameters = {"reservation_id": reservation.reservation_id}
            by = request.user.get_username()
            _ask(cancel_reservation.VERB, parameters, station, version, by=by, lifetime=lifetime)
        else:
            raise Conflict(f"the reservation is {reservation.state} already", code="reservation_ended")
        return Response(self.get_serializer(self.get_object()).data, status=202)


def _check_connector(station: ChargePoint, evse_id: int) -> None:
    known = set(Connector.objects.filter(charge_point_id=station.id).values_list("evse_id", flat=True))
    if evse_id and known and evse_id not in known:
        raise ValidationError({"evse_id": [f"the station has no connector {evse_id}; it has {sorted(known)}"]})


def _parent_of(id_tag: str) -> str:
    """Return the group of a tag that may charge; for anybody else nothing is kept."""
    verdict = find_verdict(id_tag, datetime.now(UTC))
    if verdict.status is not AuthorizationStatus.ACCEPTED:
        raise ValidationError({"id_tag": [f"this tag may not charge: it is {verdict.status.value}"]})
    return verdict.parent_id_tag


def _parameters(reservation: Reservation) -> Parameters:
    parameters = {
        "reservation_id": reservation.reservation_id,
        "evse_id": reservation.evse_id,
        "id_tag": reservation.id_tag,
        "expires_at": reservation.expires_at,
    }
    # A longer group is known to no station of OCPP 1.6.
    return parameters | ({"parent_id_tag": reservation.parent_id_tag[:20]} if reservation.parent_id_tag else {})


def _ask(
    verb: Verb, parameters: Parameters, station: ChargePoint, version: OcppVersion, *, by: str, lifetime: timedelta
) -> str:
    """Store the command and have it carried out; return its id."""
    name = verb.actions.get(version)
    if name is None:
        raise ValidationError(f"OCPP {version.number} has no command for this")
    payload = verb.encode(version, parameters)
    check_payload(version, name, payload)
    check_station(station, version, name, payload)
    new = NewCommand(charge_point_id=station.id, action=name, payload=payload, requested_by=by, lifetime=lifetime)
    command = async_to_sync(submit_command)(require_tenant(), new)
    return str(command["_id"])


def _take_back(reservation: Reservation) -> None:
    if not async_to_sync(_cancel_command)(require_tenant(), reservation.command_id):
        raise Conflict("the station is just being asked: read the reservation again", code="reservation_under_way")


async def _cancel_command(slug: str, command_id: str) -> bool:
    """Cancel a command that was not sent yet; return whether it was not."""
    here = gateway()
    await here.start()
    tenant = await find_tenant(slug)
    command = await find_command(tenant, command_id) if tenant else None
    if tenant is None or command is None:
        return False
    await here.dispatcher.cancel(tenant, command)
    now = await find_command(tenant, command_id)
    return now is not None and now["state"] in (CommandState.CANCELLED.value, CommandState.QUEUED.value)


urlpatterns = [
    re_path(r"^reservations/?$", ReservationViewSet.as_view({"get": "list", "post": "create"})),
    re_path(
        r"^reservations/(?P<id>[^/]+)/cancel/?$",
        ReservationViewSet.as_view({"post": "cancel"}, **ReservationViewSet.cancel.kwargs),
    ),
    re_path(r"^reservations/(?P<id>[^/]+)/?$", ReservationViewSet.as_view({"get": "retrieve"})),
]
