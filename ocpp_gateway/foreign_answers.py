"""An answer to a call that went to another station: it changes nothing, and an operator is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import structlog
from pymongo.errors import PyMongoError

from chargepoints.commands import find_command
from chargepoints.security_events import Noticed, record_noticed
from chargepoints.station import SequenceUsedUp, Station
from csms.errors import StorageUnavailable

_OURS = re.compile(r"[0-9a-f]{24}")

log = structlog.get_logger(__name__)


def looks_like_ours(message_id: str) -> bool:
    """Return whether a message id has the form of those this server makes."""
    return _OURS.fullmatch(message_id) is not None


async def notice_answer(station: Station, message_id: str) -> None:
    """Tell of a station that answers a call which went to another one; once an hour."""
    now = datetime.now(UTC)
    try:
        command = await find_command(station.tenant, message_id)
        if command is None or command["charge_point_id"] == station.id:
            return
        text = f"message {message_id} went to {command['charge_point_id']}"
        await record_noticed(station, Noticed.FOREIGN_MESSAGE, text, now, occasion=f"{now:%Y-%m-%dT%H}")
    except (StorageUnavailable, PyMongoError, SequenceUsedUp) as error:
        log.warning("foreign_answer_not_stored", station=station.id, message_id=message_id, error=str(error))
