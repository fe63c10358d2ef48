"""`/api/v1/chargepoints/{id}/configuration`: a station's settings as they are known, and reading them again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.urls import re_path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargepoints.commands import NewCommand
from chargepoints.configuration import known_settings, whole_number
from chargepoints.models import ChargePoint
from csms.api_view import ApiViewMixin
from csms.fields import StrictSerializer
from ocpp_gateway.command_rest import station_and_version, submit_command
from ocpp_gateway.command_serializers import DEFAULT_LIFETIME_SECONDS, CommandSerializer, shown_command
from ocpp_gateway.commands.get_configuration import VERB
from ocpp_gateway.configuration import MAX_KEYS
from tenants.clients import Document
from tenants.context import require_tenant

MAX_KEYS_PER_REQUEST = 1000


class ReadSettingsSerializer(StrictSerializer):
    keys = serializers.ListField(
        child=serializers.CharField(max_length=50, trim_whitespace=False),
        max_length=MAX_KEYS_PER_REQUEST,
        required=False,
        help_text="All settings without it.",
    )


class ReadCommandsSerializer(serializers.Serializer[Any]):
    """The commands that read, one for each portion."""

    results = CommandSerializer(many=True)


# drf-spectacular has no serializer for an object with any keys.
_SETTINGS = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["value", "readonly", "read_at", "reboot_required", "pending_value"],
        "properties": {
            "value": {
                "type": "string",
                "nullable": True,
                "description": "Null for a setting that has no value, or a secret one.",
            },
            "readonly": {"type": "boolean"},
            "read_at": {"type": "string", "format": "date-time", "nullable": True},
            "reboot_required": {
                "type": "boolean",
                "description": "`pending_value` is in force after the station's next boot.",
            },
            "pending_value": {"type": "string", "nullable": True},
        },
    },
}
_STATION = OpenApiParameter("charge_point_id", str, OpenApiParameter.PATH)


class ConfigurationView(ApiViewMixin, APIView):
    permission_resource = "configuration"
    audited = False

    @extend_schema(
        summary="Read a charge point's settings as they are known",
        description="By key. They are read from the station after each accepted boot, and kept up to date by commands.",
        operation_id="chargepoints_configuration",
        parameters=[_STATION],
        responses={(200, "application/json"): _SETTINGS},
        tags=["chargepoints"],
    )
    def get(self, request: Request, charge_point_id: str) -> Response:
        """Return what is known of each setting."""
        station, _ = station_and_version(charge_point_id)
        return Response(known_settings(station.configuration, station.reboot_pending or {}))

    @extend_schema(
        summary="Have a charge point's settings read again",
        description=f"Many keys are asked for in portions, as the station's `{MAX_KEYS}` wants it.",
        operation_id="chargepoints_configuration_read",
        parameters=[_STATION],
        request=ReadSettingsSerializer,
        responses={202: ReadCommandsSerializer},
        tags=["chargepoints"],
    )
    def post(self, request: Request, charge_point_id: str) -> Response:
        """Store a command for each portion of the keys, and have them carried out."""
        station, version = station_and_version(charge_point_id)
        body = ReadSettingsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        action, by = VERB.actions[version], request.user.get_username()
        new = [_new(station, action, portion, by) for portion in _portions(station, body.validated_data.get("keys"))]
        stored = async_to_sync(_submit_all)(require_tenant(), new)
        return Response({"results": [shown_command(one) for one in stored]}, status=202)


def _portions(station: ChargePoint, keys: list[str] | None) -> list[dict[str, Any]]:
    """Return the payloads that ask for these keys."""
    if not keys:
        return [{}]
    size = whole_number(station.configuration, MAX_KEYS) or len(keys)
    return [{"key": keys[at : at + size]} for at in range(0, len(keys), size)]


def _new(station: ChargePoint, action: str, payload: dict[str, Any], by: str) -> NewCommand:
    lifetime = timedelta(seconds=DEFAULT_LIFETIME_SECONDS)
    return NewCommand(charge_point_id=station.id, action=action, payload=payload, requested_by=by, lifetime=lifetime)


async def _submit_all(slug: str, commands: list[NewCommand]) -> list[Document]:
    return [await submit_command(slug, command) for command in commands]


urlpatterns = [re_path(r"^chargepoints/(?P<charge_point_id>[^/]+)/configuration/?$", ConfigurationView.as_view())]
