"""Charge points and connectors as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chargepoints.models import ChargePoint, Connector, Registration
from chargepoints.station_urls import short_station_url, station_url
from csms.fields import (
    CurrentTenantField,
    FiniteNumberField,
    MomentField,
    StrictSerializer,
    WholeNumberField,
    refuse_path_steps,
)
from tenants.context import require_tenant


class ConnectorSerializer(serializers.ModelSerializer):
    max_power = serializers.FloatField(read_only=True, allow_null=True, help_text="W")
    updated_at = MomentField(read_only=True, allow_null=True)

    class Meta:
        model = Connector
        fields = (
            "evse_id",
            "connector_id",
            "type",
            "max_power",
            "status",
            "error_code",
            "vendor_error_code",
            "info",
            "updated_at",
        )
        read_only_fields = fields


class LocationSerializer(StrictSerializer):
    lat = FiniteNumberField(
        source="latitude", min_value=-90, max_value=90, allow_null=True, required=False, help_text="Degrees north."
    )
    lon = FiniteNumberField(
        source="longitude", min_value=-180, max_value=180, allow_null=True, required=False, help_text="Degrees east."
    )
    address = serializers.CharField(max_length=200, allow_blank=True, required=False)


class ConnectionSerializer(serializers.Serializer):
    """The open socket of a station."""

    instance = serializers.CharField(help_text="The instance of this product that holds the socket.")
    epoch = serializers.IntegerField(help_text="Counts the station's connections; the highest one is in force.")
    since = serializers.DateTimeField()
    address = serializers.CharField(help_text="Where it comes from; of IPv6 the first half.")


class ConnectedField(serializers.JSONField):
    """`{"instance", "epoch", "since", "address"}`, or null while the station is offline."""


extend_schema_field(ConnectionSerializer(allow_null=True))(ConnectedField)


class ChargePointSerializer(StrictSerializer, serializers.ModelSerializer):
    id = serializers.CharField(read_only=True, help_text="The last part of the station's URL, exactly.")
    tenant_id = CurrentTenantField()
    name = serializers.CharField(max_length=100, allow_blank=True, required=False)
    registration = serializers.ChoiceField(
        Registration.choices, required=False, help_text="The answer to the station's BootNotification."
    )
    security_profile = WholeNumberField(
        min_value=1, max_value=3, required=False, help_text="What the station must come with at least."
    )
    security_profile_next = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The profile it has taken and has yet to come back with."
    )
    location = LocationSerializer(source="*", required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=50), max_length=50, required=False, help_text="Your own labels."
    )
    connectors = ConnectorSerializer(many=True, read_only=True)
    connected = ConnectedField(read_only=True, allow_null=True)
    booted_at = MomentField(read_only=True, allow_null=True)
    last_seen = MomentField(read_only=True, allow_null=True)
    created_at = MomentField(read_only=True)

    class Meta:
        model = ChargePoint
        fields = (
            "id",
            "tenant_id",
            "name",
            "vendor",
            "model",
            "serial_number",
            "firmware_version",
            "iccid",
            "imsi",
            "meter_type",
            "meter_serial_number",
            "ocpp_version",
            "status",
            "error_code",
            "registration",
            "connected",
            "booted_at",
            "last_seen",
            "connectors",
            "security_profile",
            "security_profile_next",
            "location",
            "tags",
            "created_at",
        )


class NewChargePointSerializer(ChargePointSerializer):
    id = serializers.CharField(
        max_length=48,
        trim_whitespace=False,
        validators=[*ChargePoint._meta.get_field("id").validators[:1], refuse_path_steps],
        help_text="Letters, digits and * - _ = : + | @ . exactly as the station presents it. Never changes.",
    )


class StationKeySerializer(ChargePointSerializer):
    key = serializers.CharField(read_only=True, help_text="40 hex digits; shown only in this answer.")
    url = serializers.CharField(read_only=True, help_text="The WebSocket URL for the station.")
    alt_url = serializers.CharField(
        read_only=True, allow_null=True, help_text="The same without the tenant, if the id begins with it."
    )

    class Meta:
        model = ChargePoint
        fields = (*ChargePointSerializer.Meta.fields, "key", "url", "alt_url")


def station_key(identity: str, key: str) -> dict[str, Any]:
    """Return what has to be entered at a station of the current tenant."""
    tenant = require_tenant()
    return {"key": key, "url": station_url(tenant, identity), "alt_url": short_station_url(tenant, identity)}
