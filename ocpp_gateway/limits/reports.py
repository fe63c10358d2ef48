"""Telling operators what was noticed of a station, wherever its socket is, and only so often.

The facts of a station are numbered by whoever holds its socket, so the instance that does writes them down; for a
station that is offline, whoever noticed. A thousand of the same kind are no thousand times as interesting, and must
not fill the database: beyond `REPORTS_PER_HOUR` they are logged only.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import structlog
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from chargepoints.offline import act_for_offline
from chargepoints.security_events import Noticed, record_noticed
from chargepoints.station import SequenceUsedUp, Station
from csms.errors import StorageUnavailable
from csms.lifecycle import background
from ocpp_gateway.connection import Connection
from ocpp_gateway.limits import rules
from ocpp_gateway.limits.strikes import Strikes
from ocpp_gateway.mailbox import Letter, Mailbox, MailboxFull
from ocpp_gateway.presence import Owner, Presence
from tenants.directory import find_tenant
from tenants.group_commit import NothingMatched

LETTER = "noticed"
# Seconds before each look for who holds the station: it may come or go at this moment, or its instance may have died,
# which is known after the lease.
_LOOKS = (0.0, 0.2, 1.0, 5.0, 20.0)

log = structlog.get_logger(__name__)


class Host(Protocol):
    """What this needs of the gateway."""

    instance: str
    presence: Presence
    mailbox: Mailbox
    connections: dict[tuple[str, str], Connection]


class Reports:
    """Writes down what was noticed."""

    def __init__(self, here: Host, strikes: Strikes) -> None:
        self._here = here
        self._strikes = strikes

    def report(self, tenant: str, identity: str, kind: Noticed, text: str) -> None:
        """Have it stored and announced soon, unless there were too many of the kind about this station."""
        background(self._report(tenant, identity, kind, text), "report_noticed")

    async def _report(self, tenant: str, identity: str, kind: Noticed, text: str) -> None:
        strike = await self._strikes.strike(f"reports:{kind}:{tenant}/{identity}", rules.REPORTS)
        if strike.blocked_for and not strike.begins:
            log.info("noticed_too_often", tenant=tenant, station=identity, kind=kind, text=text)
            return
        letter = {"kind": LETTER, "tenant": tenant, "station": identity, "noticed": kind.value, "text": text}
        letter["occasion"] = uuid4().hex
        try:
            for pause in _LOOKS:
                await asyncio.sleep(pause)
                if await self._deliver(letter):
                    return
        except (StorageUnavailable, PyMongoError, RedisError, OSError, MailboxFull, SequenceUsedUp) as error:
            log.warning("noticed_not_stored", tenant=tenant, station=identity, kind=kind, text=text, error=str(error))
        else:
            log.warning("noticed_not_stored", tenant=tenant, station=identity, kind=kind, text=text)

    async def _deliver(self, letter: Letter) -> bool:
        """Write it down, or have the owner do so; return whether that was done."""
        if await self.write(letter):
            return True
        owner = await self._here.presence.lookup(letter["tenant"], letter["station"])
        if owner is not None and owner.instance != self._here.instance:
            return await self._here.mailbox.send(owner.instance, letter)
        record = await find_tenant(letter["tenant"])
        station = await act_for_offline(record, letter["station"]) if record is not None else None
        if record is None or station is None:
            return False
        try:
            await _record(station, letter)
        except NothingMatched:
            return False
        return True

    async def write(self, letter: Letter) -> bool:
        """Write it down if the station's socket is here; return whether it is."""
        connection = self._here.connections.get((letter["tenant"], letter["station"]))
        if connection is None:
            return False
        await _record(connection.station, letter)
        return True

    def taken_over(self, before: Owner, after: Owner) -> None:
        """Have it stored and announced soon that a newer socket has taken a station from another."""
        text = f"{_where(after)} has replaced {_where(before)}"
        self.report(after.tenant, after.station, Noticed.TAKEN_OVER, text)

    def take(self, letter: Letter) -> None:
        """Write down what another instance noticed of a station of ours."""
        background(self._take(letter), "write_noticed")

    async def _take(self, letter: Letter) -> None:
        try:
            await self.write(letter)
        except (StorageUnavailable, SequenceUsedUp) as error:
            log.warning("noticed_not_stored", station=letter["station"], text=letter["text"], error=str(error))


def _where(owner: Owner) -> str:
    return f"{owner.address or 'unknown'} at {owner.instance}"


async def _record(station: Station, letter: Letter) -> None:
    kind, now = Noticed(letter["noticed"]), datetime.now(UTC)
    await record_noticed(station, kind, letter["text"], now, occasion=letter["occasion"])
