"""Sessions, meter values and id tokens as the API shows them."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from csms.fields import CurrentTenantField, MomentField, StrictSerializer, WholeNumberField, refuse_path_steps
from sessions_app.authorization import token_key
from sessions_app.models import ChargingSession, IdToken, MeterValue


class SessionSerializer(serializers.ModelSerializer):
    tenant_id = CurrentTenantField()
    start_time = MomentField(allow_null=True, help_text="By the station's clock; null if the start never came.")
    stop_time = MomentField(allow_null=True, help_text="By the station's clock; null while the session runs.")
    live_at = MomentField(allow_null=True, help_text="When the live values were taken.")
    received_at = MomentField(help_text="When this server learned of the session.")
    stop_received_at = MomentField(allow_null=True)
    quality = serializers.ListField(
        child=serializers.CharField(),
        help_text="Doubts: `late`, `clock_suspect`, `meter_decreased`, `stop_before_start`, `orphan`, ...",
    )

    class Meta:
        model = ChargingSession
        fields = (
            "id",
            "tenant_id",
            "charge_point_id",
            "evse_id",
            "connector_id",
            "transaction_id",
            "status",
            "id_tag",
            "stop_id_tag",
            "authorization",
            "start_time",
            "stop_time",
            "start_meter_value",
            "stop_meter_value",
            "energy_wh",
            "power_w",
            "current_a",
            "voltage_v",
            "soc_percent",
            "live_at",
            "stop_reason",
            "reservation_id",
            "quality",
            "received_at",
            "stop_received_at",
        )
        read_only_fields = fields


class SampleValueField(serializers.JSONField):
    """A number, or text where the station sends signed data."""


extend_schema_field({"oneOf": [{"type": "number"}, {"type": "string"}], "example": 15320.5})(SampleValueField)


class SampleSerializer(serializers.Serializer):
    """One measured quantity. What a station leaves out is left out here too."""

    measurand = serializers.CharField(help_text="For example `Energy.Active.Import.Register`.")
    value = SampleValueField()
    unit = serializers.CharField(help_text="For example `Wh`.")
    phase = serializers.CharField(required=False)
    context = serializers.CharField(required=False)
    location = serializers.CharField(required=False)
    format = serializers.CharField(required=False)


SAMPLE_COLUMNS = ("measurand", "value", "unit", "phase", "context", "location", "format")


class SamplesField(serializers.JSONField):
    """The samples as the station took them."""


extend_schema_field(SampleSerializer(many=True))(SamplesField)


class MeterValueSerializer(serializers.ModelSerializer):
    session_id = serializers.CharField(read_only=True)
    timestamp = MomentField(help_text="By the station's clock.")
    received_at = MomentField()
    samples = SamplesField(read_only=True)

    class Meta:
        model = MeterValue
        fields = (
            "session_id",
            "charge_point_id",
            "evse_id",
            "connector_id",
            "transaction_id",
            "timestamp",
            "received_at",
            "samples",
        )
        read_only_fields = fields


class IdTokenSerializer(StrictSerializer, serializers.ModelSerializer):
    id = serializers.CharField(read_only=True, help_text="The tag in lower case.")
    tenant_id = CurrentTenantField()
    id_tag = serializers.CharField(
        max_length=36,
        validators=[RegexValidator(r"^[\x20-\x7e]+\Z", "Use printable ASCII characters only."), refuse_path_steps],
        help_text="As printed or read; upper and lower case are the same. Cannot be changed later.",
    )
    type = serializers.ChoiceField(IdToken.Kind.choices, required=False)
    status = serializers.ChoiceField(IdToken.Status.choices, required=False)
    expires_at = MomentField(required=False, allow_null=True)
    parent_id_tag = serializers.CharField(max_length=36, required=False, allow_blank=True)
    max_active = WholeNumberField(
        min_value=0,
        max_value=2**31 - 1,
        required=False,
        allow_null=True,
        help_text="Sessions at the same time; null for any number.",
    )
    note = serializers.CharField(max_length=200, required=False, allow_blank=True)
    created_at = MomentField(read_only=True)

    class Meta:
        model = IdToken
        fields = (
            "id",
            "tenant_id",
            "id_tag",
            "type",
            "status",
            "expires_at",
            "parent_id_tag",
            "max_active",
            "note",
            "created_at",
        )

    def validate_id_tag(self, value: str) -> str:
        """Keep a tag from becoming another one; only its spelling may change."""
        if self.instance is not None and token_key(value) != self.instance.pk:
            raise serializers.ValidationError("a token keeps its tag: create another token and delete this one")
        return value

    def create(self, validated_data: dict[str, Any]) -> IdToken:
        """Store a new token.

        Raises:
            django.db.IntegrityError: the tag is taken.
        """
        token = IdToken(id=token_key(validated_data["id_tag"]), **validated_data)
        token.save(force_insert=True)
        return token
