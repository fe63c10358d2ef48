"""`/api/v1/chargepoints/{id}/commands`, `/api/v1/commands` and one address per verb: what we ask of a station.

A command is stored, answered with 202, and carried out by whichever instance holds the station. With `?wait=` the
answer is held back until the command has ended (`ocpp_gateway.waiting`), which costs no thread.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from django.urls import URLPattern, re_path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from chargepoints.commands import OPEN, NewCommand, find_command
from chargepoints.models import ChargePoint, Command, CommandState
from csms.api_view import ApiViewMixin
from csms.errors import Conflict, CsmsError
from ocpp_gateway.command_serializers import (
    DEFAULT_LIFETIME_SECONDS,
    CommandSerializer,
    NewCommandSerializer,
    shown_command,
)
from ocpp_gateway.commands import VERBS, verb_of_action
from ocpp_gateway.commands.verb import Payload, Unsupported, Verb
from ocpp_gateway.destinations import refuse_unsafe_destinations
from ocpp_gateway.dispatch import InstanceBusy
from ocpp_gateway.gateway import gateway
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.schemas import actions_for_stations, known_actions, validate_request
from ocpp_gateway.protocol.versions import OcppVersion, version_of
from ocpp_gateway.waiting import HEADER, LONGEST_WAIT_SECONDS, seconds_to_wait
from tenants.clients import Document
from tenants.context import require_tenant
from tenants.directory import find_tenant

MAX_KEY_LENGTH = 100

_WAIT = OpenApiParameter(
    "wait",
    {"type": "number", "format": "double", "minimum": 0},
    description=f"Seconds to wait for the command's end, {LONGEST_WAIT_SECONDS:.0f} at most: 200 with the station's"
    " answer, or 202 when it has not ended by then.",
)
_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=f"Up to {MAX_KEY_LENGTH} characters. The same request with the same key gives the first command again.",
)
_STATION = OpenApiParameter("charge_point_id", str, OpenApiParameter.PATH)


class CommandsUnavailable(CsmsError):
    """The tenant is not there for the gateway, which can only be if it was deleted just now."""

    code = "not_found"
    http_status = 404


def submit(request: Request, station: ChargePoint, name: str, payload: Payload, lifetime: float) -> Response:
    """Store a validated command, have it carried out, and return the 202; 200 where a repeated one has ended."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MAX_KEY_LENGTH:
        raise ValidationError({"Idempotency-Key": [f"use at most {MAX_KEY_LENGTH} characters"]})
    new = new_command(
        station,
        name,
        payload,
        requested_by=request.user.get_username(),
        lifetime=lifetime,
        idempotency_key=key,
        reply_to=settings.CSMS_INSTANCE_ID if seconds_to_wait(request.META["QUERY_STRING"].encode()) else "",
    )
    _check_wait(request)
    slug = require_tenant()
    command = async_to_sync(submit_command)(slug, new)
    headers = {"Location": f"/api/v1/commands/{command['_id']}"}
    ended = command["state"] not in OPEN
    if new.reply_to and not ended:
        headers[HEADER] = f"{slug}/{command['_id']}"
    return Response(shown_command(command), status=200 if new.reply_to and ended else 202, headers=headers)


def new_command(
    station: ChargePoint,
    name: str,
    payload: Payload,
    *,
    requested_by: str,
    lifetime: float = DEFAULT_LIFETIME_SECONDS,
    idempotency_key: str = "",
    reply_to: str = "",
) -> NewCommand:
    """Return a checked command as it is to be stored: what must not be shown is sealed.

    Raises:
        rest_framework.exceptions.ValidationError: it would send the station to an address that is not allowed.
    """
    refuse_unsafe_destinations(payload)
    verb = verb_of_action(version_of(station.ocpp_version), name)
    shown, secret = verb.seal(payload) if verb is not None and verb.seal is not None else (payload, None)
    return NewCommand(
        charge_point_id=station.id,
        action=name,
        payload=shown,
        secret=secret,
        requested_by=requested_by,
        lifetime=timedelta(seconds=lifetime),
        idempotency_key=idempotency_key,
        reply_to=reply_to,
    )


def typed_command(verb: Verb, station: ChargePoint, version: OcppVersion, data: Any) -> tuple[str, Payload]:
    """Return the action and the checked payload of a verb's parameters.

    Raises:
        rest_framework.exceptions.ValidationError: they are wrong, or the station cannot do that.
    """
    parameters = verb.parameters(data=data, context={"charge_point": station})
    parameters.is_valid(raise_exception=True)
    name = verb.actions.get(version)
    if name is None:
        raise ValidationError(f"OCPP {version.number} has no command for this")
    try:
        payload = verb.encode(version, dict(parameters.validated_data))
    except Unsupported as error:
        raise ValidationError(str(error)) from None
    check_payload(version, name, payload)
    check_station(station, version, name, payload)
    return name, payload


async def submit_command(slug: str, new: NewCommand) -> Document:
    """Store a validated command of a tenant, have it carried out, and return it; raises as `Dispatcher.submit`."""
    here = gateway()
    await here.start()
    tenant = await find_tenant(slug)
    if tenant is None:
        raise CommandsUnavailable("there is nothing at this address")
    command, _ = await here.dispatcher.submit(tenant, new)
    return command


async def _cancel(slug: str, command_id: str) -> Document | None:
    here = gateway()
    await here.start()
    tenant = await find_tenant(slug)
    command = await find_command(tenant, command_id) if tenant else None
    if tenant is None or command is None:
        return None
    await here.dispatcher.cancel(tenant, command)
    return await find_command(tenant, command_id)


def _check_wait(request: Request) -> None:
    text = request.query_params.get("wait", "0")
    try:
        valid = float(text) >= 0
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError({"wait": ["use a number of seconds"]})


def station_and_version(identity: str) -> tuple[ChargePoint, OcppVersion]:
    """Return a station of the current tenant and the version it speaks; 1.6 until it has connected once.

    Raises:
        django.http.Http404: there is no such station.
    """
    station = ChargePoint.objects.filter(pk=identity).first()
    if station is None:
        raise Http404
    return station, version_of(station.ocpp_version)


def check_payload(version: OcppVersion, name: str, payload: Payload) -> None:
    """Check a command before it is stored.

    Raises:
        rest_framework.exceptions.ValidationError: the version has no such command, or not with this payload.
    """
    if name not in actions_for_stations(version):
        if name in known_actions(version):
            raise ValidationError({"action": [f"{name} is what stations send; it cannot be sent to one"]})
        raise ValidationError({"action": [f"OCPP {version.number} has no action {name!r}"]})
    try:
        validate_request(version, name, payload)
    except OcppError as error:
        raise ValidationError({"payload": [error.description]}) from None


def check_station(station: ChargePoint, version: OcppVersion, name: str, payload: Payload) -> None:
    """Compare a valid command with what is known of the station it is for.

    Raises:
        rest_framework.exceptions.ValidationError: the station is known not to take it; the text says why.
    """
    verb = verb_of_action(version, name)
    if verb is not None and verb.check is not None:
        try:
            verb.check(station, payload)
        except Unsupported as error:
            raise ValidationError(str(error)) from None


class CommandFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=CommandState.choices)
    action = django_filters.CharFilter(max_length=50, strip=False)
    charge_point_id = django_filters.CharFilter(max_length=48, strip=False)


@extend_schema_view(
    list=extend_schema(summary="List commands", description="Newest first."),
    retrieve=extend_schema(summary="Read a command"),
)
class CommandViewSet(ApiViewMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    permission_resource = "commands"
    serializer_class = CommandSerializer
    queryset = Command.objects.all()
    filterset_class = CommandFilter
    lookup_url_kwarg = "id"
    lookup_value_regex = "[^/]+"
    orderings = {"-id": ("-id",), "id": ("id",)}

    @extend_schema(
        summary="Cancel a command",
        description="Only while it is queued: what the station has been sent cannot be called back (409).",
        request=None,
        responses={200: CommandSerializer},
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        command = self.get_object()
        now = async_to_sync(_cancel)(require_tenant(), command.id)
        if now is None:
            raise Http404
        if now["state"] == CommandState.QUEUED.value:
            raise InstanceBusy("the instance that holds the station did not answer: try again shortly")
        if now["state"] != CommandState.CANCELLED.value:
            raise Conflict(f"the command is {now['state']} already", code="command_not_queued")
        return Response(shown_command(now))


@extend_schema_view(
    list=extend_schema(summary="List a charge point's commands", description="Newest first.", parameters=[_STATION])
)
class StationCommandViewSet(ApiViewMixin, ListModelMixin, GenericViewSet):
    permission_resource = "commands"
    audited = False
    serializer_class = CommandSerializer
    queryset = Command.objects.all()
    filterset_class = CommandFilter
    orderings = {"-id": ("-id",), "id": ("id",)}

    def get_queryset(self) -> QuerySet[Command]:
        station, _ = station_and_version(self.kwargs["charge_point_id"])
        commands: QuerySet[Command] = super().get_queryset().filter(charge_point_id=station.id)
        return commands

    @extend_schema(
        summary="Send a command",
        description=(
            "Any command of the station's OCPP version, in that version's words. It is checked, stored and sent; for a"
            " station that is offline it is kept until `expires_in`, or refused with 409 where the tenant keeps none."
        ),
        parameters=[_STATION, _WAIT, _KEY],
        request=NewCommandSerializer,
        responses={200: CommandSerializer, 202: CommandSerializer},
        examples=[
            OpenApiExample(
                "Ask for a setting",
                value={"action": "GetConfiguration", "payload": {"key": ["HeartbeatInterval"]}},
                request_only=True,
            )
        ],
    )
    def create(self, request: Request, charge_point_id: str) -> Response:
        """Store a command and have it carried out."""
        station, version = station_and_version(charge_point_id)
        body = NewCommandSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        check_payload(version, values["action"], values["payload"])
        check_station(station, version, values["action"], values["payload"])
        return submit(request, station, values["action"], values["payload"], values["expires_in"])


class VerbView(ApiViewMixin, APIView):
    """One verb for every OCPP version, in words of none."""

    permission_resource = "commands"
    audited = False
    verb: Verb

    def post(self, request: Request, charge_point_id: str) -> Response:
        """Store the command and have it carried out."""
        station, version = station_and_version(charge_point_id)
        name, payload = typed_command(self.verb, station, version, request.data)
        return submit(request, station, name, payload, DEFAULT_LIFETIME_SECONDS)


def _verb_route(verb: Verb) -> URLPattern:
    described = extend_schema(
        summary=verb.summary,
        operation_id=f"chargepoints_{verb.name.replace('-', '_')}",
        parameters=[_STATION, _WAIT, _KEY],
        request=verb.parameters,
        responses={200: CommandSerializer, 202: CommandSerializer},
        tags=["commands"],
    )
    name = "".join(word.title() for word in verb.name.split("-")) + "View"
    view: Any = type(name, (VerbView,), {"verb": verb, "post": described(_post_of(VerbView))})
    return re_path(rf"^chargepoints/(?P<charge_point_id>[^/]+)/{verb.name}/?$", view.as_view())


def _post_of(view: type[VerbView]) -> Any:
    """Return a copy of the method, so that each verb can describe its own."""

    def post(self: VerbView, request: Request, charge_point_id: str) -> Response:
        return view.post(self, request, charge_point_id)

    post.__doc__ = view.post.__doc__
    return post


_ITEM = {"get": "retrieve"}
urlpatterns = [
    re_path(
        r"^chargepoints/(?P<charge_point_id>[^/]+)/commands/?$",
        StationCommandViewSet.as_view({"get": "list", "post": "create"}),
    ),
    re_path(r"^commands/?$", CommandViewSet.as_view({"get": "list"})),
    re_path(r"^commands/(?P<id>[^/]+)/?$", CommandViewSet.as_view(_ITEM)),
    re_path(
        r"^commands/(?P<id>[^/]+)/cancel/?$",
        CommandViewSet.as_view({"post": "cancel"}, **CommandViewSet.cancel.kwargs),
    ),
    *(_verb_route(verb) for verb in VERBS.values()),
]
