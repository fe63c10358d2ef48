"""ChangeConfiguration (OCPP 1.6 §5.3): set one of the station's settings."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from chargepoints.configuration import SECRET_KEYS, record_change, record_pending_change
from chargepoints.credentials import strong_enough
from chargepoints.key_rotation import sealed, settle_key
from chargepoints.models import ChargePoint, CommandState
from chargepoints.security_profiles import PROFILES, expect_profile, is_profile, why_not
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway.commands.verb import Parameters, Payload, Unsupported, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

# 20 bytes as hex digits.
LONGEST_KEY = 40


class ChangeConfigurationParameters(StrictSerializer):
    key = serializers.CharField(max_length=50)
    value = serializers.CharField(max_length=500, allow_blank=True, trim_whitespace=False)


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of ChangeConfiguration."""
    return {"key": parameters["key"], "value": parameters["value"]}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep the new value, or that it waits for the station's next boot."""
    if ended.get("secret") is not None:
        after_boot = (ended["response"] or {}).get("status") == "RebootRequired"
        settle_key(unit, station, ended, after_boot=after_boot)
    if ended["state"] != CommandState.ACCEPTED.value or not ended["payload"]["key"]:
        return
    key, value = ended["payload"]["key"], ended["payload"]["value"]
    if is_profile(key) and value in PROFILES:
        expect_profile(unit, station, value)
    if ended["response"]["status"] == "RebootRequired":
        record_pending_change(unit, station, key, value)
    else:
        record_change(unit, station, key, value, now)


def seal(payload: Payload) -> tuple[Payload, Document | None]:
    """Return the payload without the key that a station is given, and the key."""
    return sealed(payload, "value") if payload["key"].lower() in SECRET_KEYS else (payload, None)


def check(station: ChargePoint, payload: Payload) -> None:
    """Refuse a key for the station that is too weak or that no station takes (OCPP 1.6 security white paper, A00).

    Also a security profile that it would not come back with, or that is lower than the one it has (A05).
    """
    if is_profile(payload["key"]) and (reason := why_not(station, payload["value"])):
        raise Unsupported(reason)
    if payload["key"].lower() not in SECRET_KEYS:
        return
    value = payload["value"]
    if not strong_enough(value.encode("utf-8")) or len(value) > LONGEST_KEY:
        raise Unsupported(f"use a key of 16 to {LONGEST_KEY} characters, best of 40 random hex digits")


VERB = Verb(
    "change-configuration",
    "Set one of the station's settings",
    {OcppVersion.V16: "ChangeConfiguration"},
    ChangeConfigurationParameters,
    encode,
    effect=record,
    late=record,
    check=check,
    seal=seal,
)
