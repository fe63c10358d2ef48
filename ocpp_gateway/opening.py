"""From an upgrade request to a connection that owns its station."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pymongo.errors import PyMongoError

from chargepoints.connection import StationGone, claim
from chargepoints.security_events import Noticed
from chargepoints.security_profiles import raise_profile
from chargepoints.station import Station
from ocpp_gateway.connection import Connection, Socket
from ocpp_gateway.gateway import Gateway
from ocpp_gateway.handshake import Admission, Refusal, admit, read_path
from ocpp_gateway.limits.addresses import address_of
from ocpp_gateway.presence import StaleEpoch


async def open_connection(here: Gateway, scope: dict[str, Any], socket: Socket) -> Connection:
    """Return the connection of the station that asks for an upgrade: authenticated, claimed and known to others.

    Raises:
        Refusal: with the HTTP status that says why there is no connection.
    """
    if here.is_draining():
        raise _restarting()
    address = address_of(scope)
    with here.gate.handshake(address):
        try:
            await here.start()
            admission = await _admitted(here, scope, address)
            station = await _claimed(here, admission, address)
        except StationGone:
            raise Refusal(404, "unknown tenant or station") from None
        except PyMongoError:
            raise Refusal(503, "storage is unavailable", [(b"retry-after", b"10")]) from None
        try:
            connection = await here.opened(station, admission.version, socket, address=address)
        except StaleEpoch:
            raise _too_late() from None
    if connection.is_closing():  # a newer one came while this one was made known
        await here.closed(connection, "replaced during the handshake")
        raise _too_late()
    if here.is_draining():
        await here.closed(connection, "this server restarts")
        raise _restarting()
    connection.entitlement = admission.entitlement
    return connection


async def _admitted(here: Gateway, scope: dict[str, Any], address: str) -> Admission:
    """Return who is asking, authenticated and within all limits: credentials first, for they decide whom limits hit."""
    try:
        admission = await admit(scope)
    except Refusal as refusal:
        tenant, identity = read_path(scope["raw_path"])  # raises the same refusal where there is no station to tell
        if refusal.noticed is not None:
            here.gate.reports.report(tenant, identity, refusal.noticed, f"{refusal.text} (from {address})")
        raise await here.gate.after_failure(tenant, identity, address, refusal) from None
    await here.gate.require_unblocked(admission, address)
    await here.gate.enter(admission.tenant.slug, admission.identity, address)
    return admission


async def _claimed(here: Gateway, admission: Admission, address: str) -> Station:
    station = await claim(
        admission.tenant,
        admission.identity,
        instance=here.instance,
        ocpp_version=admission.version.number,
        now=datetime.now(UTC),
        address=address,
    )
    certificate = admission.entitlement.proof.certificate
    station.certificate_name = certificate.accepted.name if certificate is not None else ""
    if admission.raised_to and await raise_profile(station, admission.raised_to):
        text = f"from now on this station must connect with security profile {admission.raised_to}"
        here.gate.reports.report(station.tenant.slug, station.id, Noticed.PROFILE_RAISED, text)
    return station


def _restarting() -> Refusal:
    return Refusal(503, "this server restarts", [(b"retry-after", b"5")])


def _too_late() -> Refusal:
    return Refusal(503, "a newer connection of this station was faster", [(b"retry-after", b"5")])
