"""SendLocalList (OCPP 1.6 §5.15): give the station tokens it may accept while it is offline."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.configuration import whole_number
from chargepoints.models import ChargePoint, CommandState
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway import local_lists
from ocpp_gateway.commands.verb import Parameters, Payload, Unsupported, Verb
from ocpp_gateway.local_list_payload import decode_update, encode_update
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.versions import OcppVersion
from sessions_app.local_list_plan import ListEntry, ListUpdate
from sessions_app.local_lists import record_accepted, record_refused, record_silence, record_unsupported
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

_STATUSES = ("accepted", "blocked", "expired", "invalid")


class LocalTokenParameters(StrictSerializer):
    id_tag = serializers.CharField(max_length=20)
    status = serializers.ChoiceField(
        _STATUSES, required=False, help_text="Without it a differential update removes the token."
    )
    expires_at = serializers.DateTimeField(required=False)
    parent_id_tag = serializers.CharField(max_length=20, required=False)


class SendLocalListParameters(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, help_text="Of the list after this update.")
    full = serializers.BooleanField(default=True, help_text="False to change only the tokens named.")
    tokens = LocalTokenParameters(many=True, default=list)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of SendLocalList."""
    entries = [ListEntry(**token) for token in parameters["tokens"]]
    return encode_update(ListUpdate(parameters["version"], parameters["full"], entries))


def check(station: ChargePoint, payload: Payload) -> None:
    """Refuse more entries than the station takes in one update (§9.3.3), and dates that cannot be read."""
    limit = whole_number(station.configuration, "SendLocalListMaxLength")
    if limit is not None and len(payload.get("localAuthorizationList", ())) > limit:
        raise Unsupported(f"this station takes {limit} entries in one update: give it a local list to be kept instead")
    try:
        decode_update(payload)
    except OcppError as error:
        raise Unsupported(f"expiryDate: {error.description}") from None


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep what the station holds now: Accepted, Failed, NotSupported, VersionMismatch (§7.44), or nobody knows."""
    answer = (ended["response"] or {}).get("status", "")
    error = (ended["error"] or {}).get("code", "")
    if ended["state"] == CommandState.ACCEPTED.value:
        record_accepted(unit, station, decode_update(ended["payload"]), now)
    elif answer == "NotSupported" or error in local_lists.UNKNOWN_ACTION:
        record_unsupported(unit, station, now)
    elif ended["state"] == CommandState.REJECTED.value:
        word = "version_mismatch" if answer == "VersionMismatch" else "failed"
        record_refused(unit, station, word, now, ask=answer == "VersionMismatch")
    else:
        record_silence(unit, station, error or ended["state"], now)


VERB = Verb(
    "send-local-list",
    "Give the station tokens it may accept while it is offline",
    {OcppVersion.V16: "SendLocalList"},
    SendLocalListParameters,
    encode,
    effect=record,
    follow_up=local_lists.go_on,
    check=check,
)
