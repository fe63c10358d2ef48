"""What a command is to the rest of the product: a word for people, its parameters, and how each version writes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from chargepoints.commands import Effect, NewCommand
from chargepoints.models import ChargePoint
from chargepoints.station import Station
from ocpp_gateway.protocol.versions import OcppVersion
from tenants.clients import Document

Payload = dict[str, Any]
Parameters = dict[str, Any]

# Called when a command has ended and its effect is stored; returns what is to be sent next on its account.
FollowUp = Callable[[Station, OcppVersion, Document], Awaitable[list[NewCommand]]]
# Compares a payload with what is known of the station it is for; raises `Unsupported`.
Check = Callable[[ChargePoint, Payload], None]

# Returns a payload without its secret, and the secret, if it has one (`chargepoints.key_rotation`).
Seal = Callable[[Payload], tuple[Payload, Document | None]]

# What a station answers when it does, or will do, what it was asked for.
AFFIRMATIVE = frozenset({"Accepted", "Scheduled", "Unlocked", "RebootRequired"})


class Unsupported(Exception):
    """This OCPP version, or this station, cannot do what the command asks for; the text says why."""


def affirmative(response: Payload) -> bool:
    """Return whether a station's answer is a yes; an answer without a status is one, too."""
    return response.get("status", "Accepted") in AFFIRMATIVE


@dataclass(frozen=True, slots=True)
class Verb:
    """One command in all versions.

    Attributes:
        name: the last part of its URL, for example `remote-start`.
        summary: what it asks of the station, for the API's documentation.
        actions: the OCPP action by version.
        parameters: validates the body of its URL; version-neutral words, EVSE and connector.
        encode: validated parameters -> payload of the version's action; raises `Unsupported`.
        accepted: whether the station's answer is a yes.
        effect: what its end, whatever it is, means for the domain; stored together with it.
        late: what an answer means that comes after the time-out, where that can still be made good.
        follow_up: what its end leads to; may read, and is lost if the process dies at this moment.
        seal: takes out of its payload what must not be shown.
        check: refuses, before it is stored, what the station is known not to take.
    """

    name: str
    summary: str
    actions: dict[OcppVersion, str]
    parameters: type[serializers.Serializer[Any]]
    encode: Callable[[OcppVersion, Parameters], Payload]
    accepted: Callable[[Payload], bool] = affirmative
    effect: Effect | None = None
    late: Effect | None = None
    follow_up: FollowUp | None = None
    check: Check | None = None
    seal: Seal | None = None
