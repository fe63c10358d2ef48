"""Firmware and log jobs on the wire: which commands begin one, and what their end means."""

from __future__ import annotations

from datetime import datetime

from chargepoints.models import CommandState
from chargepoints.station import Station
from chargepoints.station_jobs import Family, begin_job, cancel_replaced
from ocpp_gateway.protocol.errors import OcppError
from ocpp_gateway.protocol.timestamps import parse_time
from tenants.clients import Document
from tenants.unit_of_work import UnitOfWork

FIRMWARE_ACTIONS = ("UpdateFirmware", "SignedUpdateFirmware")
LOG_ACTIONS = ("GetDiagnostics", "GetLog")
# Accepted, and what was under way is dropped for it (OCPP 1.6 security white paper, UpdateFirmwareStatus, LogStatus).
REPLACES = "AcceptedCanceled"
_STATUS = {
    CommandState.ACCEPTED.value: "requested",
    CommandState.REJECTED.value: "rejected",
    CommandState.FAILED.value: "unanswered",
    CommandState.TIMED_OUT.value: "unanswered",
}


def moment(payload: Document, name: str) -> datetime | None:
    """Return a time in a command's payload; None where there is none that can be read."""
    try:
        return parse_time(payload[name]) if name in payload else None
    except OcppError:
        return None


def accepts_job(response: Document) -> bool:
    """Return whether a station has taken a job on."""
    return response.get("status", "Accepted") in {"Accepted", REPLACES}


def record_request(
    unit: UnitOfWork,
    station: Station,
    family: Family,
    ended: Document,
    *,
    facts: Document,
    now: datetime,
    status: str | None = None,
) -> None:
    """Add to a unit of work what the end of a command that asks for a job means.

    A command that was never sent leaves no job. `status` overrules what follows from the command's state.
    """
    if ended["state"] not in _STATUS:
        return
    begin_job(unit, station, family, ended, facts=facts, status=status or _STATUS[ended["state"]], now=now)
    if (ended["response"] or {}).get("status") == REPLACES:
        cancel_replaced(unit, station, family, ended, now)
