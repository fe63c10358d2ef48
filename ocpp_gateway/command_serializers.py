"""Commands in JSON."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import orjson
from rest_framework import serializers

from chargepoints.models import Command, CommandState
from csms.fields import StrictSerializer
from csms.shown_urls import with_shown_urls
from tenants.clients import Document
from tenants.loaded import loaded

MAX_LIFETIME_SECONDS = 30 * 24 * 3600
DEFAULT_LIFETIME_SECONDS = 24 * 3600


class CommandErrorSerializer(serializers.Serializer[Any]):
    """Why there is no answer, or the CALLERROR that was one."""

    code = serializers.CharField()
    description = serializers.CharField()


class TriggeredSerializer(serializers.Serializer[Any]):
    """A message of the station that the command has asked for."""

    action = serializers.CharField()
    message_id = serializers.CharField()
    evse_id = serializers.IntegerField(allow_null=True)
    received_at = serializers.DateTimeField()


class ShownPayload(serializers.DictField):
    """A payload without the passwords and upload links in its URLs: who reads commands need not know them."""

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return what may be shown."""
        return super().to_representation(with_shown_urls(value))


class CommandSerializer(serializers.ModelSerializer[Command]):
    """A command and how far it has come."""

    payload = ShownPayload(help_text="As the station gets it; passwords in URLs and upload links are `***`.")
    response = serializers.DictField(allow_null=True, help_text="The station's own answer.")
    error = CommandErrorSerializer(allow_null=True)
    state = serializers.ChoiceField(CommandState.choices)
    triggered = TriggeredSerializer(many=True, help_text="The messages that a trigger has brought so far.")

    class Meta:
        model = Command
        fields = (
            "id",
            "charge_point_id",
            "action",
            "payload",
            "state",
            "response",
            "error",
            "requested_by",
            "created_at",
            "sent_at",
            "completed_at",
            "expires_at",
            "triggered",
        )


class NewCommandSerializer(StrictSerializer):
    """Any command of the station's OCPP version, in the words of that version."""

    action = serializers.CharField(max_length=50, help_text="The OCPP action, for example `Reset`.")
    payload = serializers.DictField(default=dict, help_text="The payload of the CALL; checked against its schema.")
    expires_in = serializers.IntegerField(
        min_value=1,
        max_value=MAX_LIFETIME_SECONDS,
        default=DEFAULT_LIFETIME_SECONDS,
        help_text="Seconds for which it is kept for a station that is offline.",
    )


def shown_command(command: Document) -> dict[str, Any]:
    """Return a command as the API shows it."""
    stored = {name: _as_stored(value) for name, value in command.items()}
    shown: dict[str, Any] = _serializer().to_representation(loaded(Command, stored))
    return shown


def command_body(command: Document) -> bytes:
    """Return a command as the body of an answer of the API, in JSON."""
    return orjson.dumps(shown_command(command), option=orjson.OPT_UTC_Z)


@cache
def _serializer() -> CommandSerializer:
    # Made once: to find out its fields takes longer than to use them.
    return CommandSerializer()


def _as_stored(value: Any) -> Any:
    """Return a moment as MongoDB keeps it, in milliseconds: what is shown before it was read must be the same."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000) if isinstance(value, datetime) else value
