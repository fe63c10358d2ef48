"""GetLocalListVersion (OCPP 1.6 §5.10): which local authorization list the station holds."""

from __future__ import annotations

from datetime import datetime

from chargepoints.models import CommandState
from chargepoints.station import Station
from csms.fields import StrictSerializer
from ocpp_gateway import local_lists
from ocpp_gateway.commands.verb import Parameters, Payload, Verb
from ocpp_gateway.protocol.versions import OcppVersion
from sessions_app.local_lists import record_silence, record_unsupported, record_version
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

# What a station answers that has no local lists (§5.10).
_NONE = -1


class GetLocalListVersionParameters(StrictSerializer):
    """Nothing to say."""


def encode(version: OcppVersion, parameters: Parameters) -> Payload:
    """Return the payload of GetLocalListVersion, which is empty."""
    return {}


def record(unit: UnitOfWork, station: Station, ended: Document, now: datetime) -> None:
    """Keep which list the station holds: 0 is an empty one, -1 says that it has none."""
    error = (ended["error"] or {}).get("code", "")
    if ended["state"] == CommandState.ACCEPTED.value:
        version = ended["response"]["listVersion"]
        if version == _NONE:
            record_unsupported(unit, station, now)
        else:
            record_version(unit, station, version, now)
    elif error in local_lists.UNKNOWN_ACTION:
        record_unsupported(unit, station, now)
    else:
        record_silence(unit, station, error or ended["state"], now)


VERB = Verb(
    "get-local-list-version",
    "Ask which local authorization list the station holds",
    {OcppVersion.V16: "GetLocalListVersion"},
    GetLocalListVersionParameters,
    encode,
    effect=record,
    follow_up=local_lists.go_on,
)
