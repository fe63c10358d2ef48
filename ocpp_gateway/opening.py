"""From an upgrade request to a connection that owns its station."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pymongo.errors import PyMongoError

from chargepoints.connection import StationGone, claim
from ocpp_gateway.connection import Connection, Socket
from ocpp_gateway.gateway import Gateway
from ocpp_gateway.handshake import Refusal, admit
from ocpp_gateway.presence import StaleEpoch


async def open_connection(here: Gateway, scope: dict[str, Any], socket: Socket) -> Connection:
    """Return the connection of the station that asks for an upgrade: authenticated, claimed and known to others.

    Raises:
        Refusal: with the HTTP status that says why there is no connection.
    """
    if here.is_draining():
        raise _restarting()
    try:
        await here.start()
        admission = await admit(scope)
        station = await claim(
            admission.tenant,
            admission.identity,
            instance=here.instance,
            ocpp_version=admission.version.number,
            now=datetime.now(UTC),
        )
    except StationGone:
        raise Refusal(404, "unknown tenant or station") from None
    except PyMongoError:
        raise Refusal(503, "storage is unavailable", [(b"retry-after", b"10")]) from None
    try:
        connection = await here.opened(station, admission.version, socket)
    except StaleEpoch:
        raise _too_late() from None
    if connection.is_closing():  # a newer one came while this one was made known
        await here.closed(connection, "replaced during the handshake")
        raise _too_late()
    if here.is_draining():
        await here.closed(connection, "this server restarts")
        raise _restarting()
    return connection


def _restarting() -> Refusal:
    return Refusal(503, "this server restarts", [(b"retry-after", b"5")])


def _too_late() -> Refusal:
    return Refusal(503, "a newer connection of this station was faster", [(b"retry-after", b"5")])
