"""What is installed at a station, and giving a profile to every station of a tenant."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.http import Http404
from django.urls import re_path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargepoints.commands import NewCommand
from chargepoints.models import ChargePoint, ChargingProfile, Registration
from csms.api_view import ApiViewMixin
from csms.errors import Conflict
from ocpp_gateway.command_rest import check_station, station_and_version, submit_command
from ocpp_gateway.command_serializers import DEFAULT_LIFETIME_SECONDS
from ocpp_gateway.default_profiles import is_installed, payload_of
from ocpp_gateway.dispatch import StationOffline
from ocpp_gateway.protocol.versions import version_of
from sessions_app.models import ChargingSession
from tenants.context import require_tenant

ACTION = "SetChargingProfile"
# Commands that are stored at the same time; more would only wait for each other.
_AT_A_TIME = 100
_MAX_REASONS = 100
# A profile of a session that was asked for remotely, and has not begun by then, never will be.
_START_WITHIN = timedelta(minutes=10)


class InstalledProfileSerializer(serializers.Serializer[Any]):
    """A profile that a station has taken."""

    id = serializers.IntegerField()
    evse_id = serializers.IntegerField(allow_null=True, help_text="0 for the station; null where it chose itself.")
    purpose = serializers.CharField()
    stack_level = serializers.IntegerField()
    kind = serializers.CharField()
    recurrency = serializers.CharField(allow_null=True)
    transaction_id = serializers.IntegerField(allow_null=True)
    valid_from = serializers.CharField(allow_null=True)
    valid_to = serializers.CharField(allow_null=True)
    schedule = serializers.DictField()
    command_id = serializers.CharField()
    installed_at = serializers.CharField()


class InstalledPageSerializer(serializers.Serializer[Any]):
    """All of them: a station takes only a few."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = InstalledProfileSerializer(many=True)


class SkippedSerializer(serializers.Serializer[Any]):
    """A station that is not sent the profile."""

    charge_point_id = serializers.CharField()
    reason = serializers.CharField()


class DistributedSerializer(serializers.Serializer[Any]):
    """How many commands were stored, and up to 100 stations that got none."""

    commands = serializers.IntegerField()
    already_installed = serializers.IntegerField()
    skipped = SkippedSerializer(many=True)


class InstalledProfilesView(ApiViewMixin, APIView):
    permission_resource = "charging-profiles"

    @extend_schema(
        summary="List the charging profiles installed at a charge point",
        description="As far as its answers to our commands tell: OCPP 1.6 cannot ask a station for them.",
        operation_id="chargepoints_charging_profiles",
        parameters=[OpenApiParameter("charge_point_id", str, OpenApiParameter.PATH)],
        responses=InstalledPageSerializer,
        tags=["charging-profiles"],
    )
    def get(self, request: Request, charge_point_id: str) -> Response:
        """Return what is installed, without profiles of sessions that are over."""
        station, _ = station_and_version(charge_point_id)
        running = ChargingSession.objects.filter(charge_point_id=station.id, status=ChargingSession.Status.ACTIVE)
        sessions = list(running.values_list("transaction_id", "evse_id"))
        installed = [one for one in station.charging_profiles or [] if _in_force(one, sessions)]
        results = InstalledProfileSerializer(installed, many=True).data
        return Response({"next": None, "previous": None, "results": results})


def _in_force(profile: dict[str, Any], sessions: list[tuple[int | None, int | None]]) -> bool:
    """Return whether a profile is of no session, or of one that runs or is about to begin."""
    if profile["purpose"] != ChargingProfile.Purpose.TX.value:
        return True
    if profile["transaction_id"] is not None:
        return any(transaction == profile["transaction_id"] for transaction, _ in sessions)
    place = profile["evse_id"]
    age = datetime.now(UTC) - datetime.fromisoformat(profile["installed_at"])
    return age < _START_WITHIN or any(place in (None, evse_id) for _, evse_id in sessions)


class DistributeView(ApiViewMixin, APIView):
    permission_resource = "charging-profiles"
    # As many commands are stored as the tenant has stations.
    storage_seconds = 120.0

    @extend_schema(
        summary="Give a default profile to every station now",
        description=(
            "Without it, stations get a default after their next boot. Every accepted station that does not have it as"
            " it is gets it now, or when it comes back. Stations that are known not to take it are skipped."
        ),
        operation_id="charging_profiles_distribute",
        parameters=[OpenApiParameter("id", int, OpenApiParameter.PATH)],
        request=None,
        responses={202: DistributedSerializer},
        tags=["charging-profiles"],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002  as in the other addresses
        """Store a command for each station."""
        profile = ChargingProfile.objects.filter(pk=int(id)).first()
        if profile is None:
            raise Http404
        if not profile.is_default:
            raise Conflict("only a default is for every station: set is_default first", code="not_a_default")
        payload = payload_of(profile)
        new, installed, skipped = _sort(payload, request.user.get_username())
        refused = async_to_sync(_submit_all)(require_tenant(), new)
        skipped = [*skipped, *({"charge_point_id": one, "reason": "offline"} for one in refused)]
        sent = len(new) - len(refused)
        answer = {"commands": sent, "already_installed": installed, "skipped": skipped[:_MAX_REASONS]}
        return Response(answer, status=202)


def _sort(payload: dict[str, Any], by: str) -> tuple[list[NewCommand], int, list[dict[str, str]]]:
    """Return the commands to be sent, how many stations have the profile, and which do not take it."""
    new: list[NewCommand] = []
    skipped: list[dict[str, str]] = []
    installed = 0
    accepted = ChargePoint.objects.filter(registration=Registration.ACCEPTED)
    for station in accepted.only("id", "ocpp_version", "configuration", "charging_profiles"):
        if is_installed(payload, station.charging_profiles or []):
            installed += 1
            continue
        try:
            check_station(station, version_of(station.ocpp_version), ACTION, payload)
        except serializers.ValidationError as error:
            skipped.append({"charge_point_id": station.id, "reason": " ".join(map(str, error.detail))})
        else:
            new.append(_command(station.id, payload, by))
    return new, installed, skipped


def _command(station: str, payload: dict[str, Any], by: str) -> NewCommand:
    lifetime = timedelta(seconds=DEFAULT_LIFETIME_SECONDS)
    return NewCommand(charge_point_id=station, action=ACTION, payload=payload, requested_by=by, lifetime=lifetime)


async def _submit_all(slug: str, commands: list[NewCommand]) -> list[str]:
    """Store commands and return the stations for which none can be kept."""
    refused: list[str] = []
    for start in range(0, len(commands), _AT_A_TIME):
        portion = commands[start : start + _AT_A_TIME]
        outcomes = await asyncio.gather(*(submit_command(slug, one) for one in portion), return_exceptions=True)
        for command, outcome in zip(portion, outcomes, strict=True):
            if isinstance(outcome, StationOffline):
                refused.append(command.charge_point_id)
            elif isinstance(outcome, BaseException):
                raise outcome
    return refused


urlpatterns = [
    re_path(r"^chargepoints/(?P<charge_point_id>[^/]+)/charging-profiles/?$", InstalledProfilesView.as_view()),
    re_path(r"^charging-profiles/(?P<id>[0-9]{1,9})/distribute/?$", DistributeView.as_view()),
]
