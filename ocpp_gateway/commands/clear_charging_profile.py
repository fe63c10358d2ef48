"""ClearChargingProfile (OCPP 1.6 §5.5): lift limits, one by its id or all that match."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.charging_profiles import InstalledProfiles, remove_installed
from chargepoints.models import ChargingProfile
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.charging_profile import PURPOSES
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork


class ClearChargingProfileParameters(StrictSerializer):
    id = serializers.IntegerField(min_value=0, required=False)
    evse_id = serializers.IntegerField(min_value=0, required=False)
    purpose = serializers.ChoiceField(ChargingProfile.Purpose.choices, required=False)
    stack_level = serializers.IntegerField(min_value=0, required=False)


_NAMES = {"id": "id", "evse_id": "connectorId", "stack_level": "stackLevel"}


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ClearChargingProfile."""
    payload: Payload = {wire: parameters[name] for name, wire in _NAMES.items() if name in parameters}
    if "purpose" in parameters:
        payload["chargingProfilePurpose"] = PURPOSES[parameters["purpose"]]
    return payload


_PURPOSES = {word: purpose for purpose, word in PURPOSES.items()}
# `Unknown` says that the station has none of these, so whatever we believed about them is wrong.
_GONE = frozenset({"Accepted", "Unknown"})


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Forget the profiles that the station has no more."""
    if (ended["response"] or {}).get("status") not in _GONE:
        return
    payload = ended["payload"]
    if "id" in payload:
        which = InstalledProfiles(id=payload["id"])
    else:
        which = InstalledProfiles(
            evse_id=payload.get("connectorId"),
            purpose=_PURPOSES.get(payload.get("chargingProfilePurpose")),
            stack_level=payload.get("stackLevel"),
        )
    remove_installed(unit, station, which)


VERB = Verb(
    "clear-charging-profile",
    "Lift limits",
    {OcppVersion.V16: "ClearChargingProfile"},
    ClearChargingProfileParameters,
    encode,
    effect=record,
    late=record,
)
