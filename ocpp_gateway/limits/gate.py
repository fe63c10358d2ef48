"""What a station passes on its way in, besides its credentials: the limits on failures, flapping and sockets.

An attacker must never lock out the real station. So failures are counted by station and address together, nothing is
ever counted against a station as such, and from an address it was let in from before the right key opens even while
others fail there. See `docs/abuse-limits.md`.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from chargepoints.security_events import Noticed
from ocpp_gateway.handshake import Admission, Refusal
from ocpp_gateway.limits import rules
from ocpp_gateway.limits.admissions import Admissions
from ocpp_gateway.limits.message_rate import MessageRate
from ocpp_gateway.limits.message_rates import MessageRates
from ocpp_gateway.limits.reports import Host, Reports
from ocpp_gateway.limits.socket_counts import Exchange, SocketCounts
from ocpp_gateway.limits.strikes import Rule, Strike, Strikes

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY = 401, 403, 404, 429
# Not why: whoever is blocked must not go on finding out which stations there are, or which key is right.
TOO_OFTEN = "too many failed attempts from this address"
# How long those are sent away who find no place for another socket.
FULL_SECONDS = 60

log = structlog.get_logger(__name__)


def too_many(seconds: float, text: str) -> Refusal:
    """Return the refusal of somebody who may try again after so many seconds."""
    wait = max(1, math.ceil(seconds))
    return Refusal(TOO_MANY, f"{text}: try again in {wait} s", [(b"retry-after", b"%d" % wait)])


class Gate:
    """The limits of one process, for stations on their way in."""

    def __init__(
        self,
        strikes: Strikes,
        sockets: SocketCounts,
        reports: Reports,
        here: Host,
    ) -> None:
        self.strikes = strikes
        self.sockets = sockets
        self.reports = reports
        self._here = here
        self._admissions = Admissions()
        self._rates = MessageRates()

    @classmethod
    def of(cls, here: Host, strikes: Strikes, exchange: Exchange | None) -> Gate:
        """Return the gate of a process."""
        limits = {"a": settings.OCPP_SOCKETS_PER_ADDRESS, "t": settings.OCPP_SOCKETS_PER_TENANT}
        sockets = SocketCounts(here.instance, exchange, limits)
        return cls(strikes, sockets, Reports(here, strikes), here)

    def opened(self, tenant: str, address: str) -> None:
        """Count an open socket."""
        for name, _ in socket_names(tenant, address):
            self.sockets.opened(name)

    def closed(self, tenant: str, address: str) -> None:
        """Count a socket that is gone."""
        for name, _ in socket_names(tenant, address):
            self.sockets.closed(name)

    def handshake(self, address: str) -> AbstractContextManager[None]:
        """Hold a place for a handshake under way; raises Refusal (503) if there is none."""
        return self._admissions.handshake(address)

    def message_rates(self, tenant: str) -> tuple[MessageRate, ...]:
        """Return what limits the messages of a new connection of a tenant."""
        return self._rates.of_connection(tenant)

    # -- Failed log-ins ----------------------------------------------------------------------------

    async def after_failure(self, tenant: str, identity: str, address: str, refusal: Refusal) -> Refusal:
        """Return the answer to a log-in that was refused: that refusal, or that there were too many of them."""
        if refusal.status in (UNAUTHORIZED, NOT_FOUND):
            exists = refusal.status == UNAUTHORIZED
            blocked = await self._failed_as_station(tenant, identity, address, exists)
        elif refusal.status == FORBIDDEN:
            # The key was right, which must not show while the address is blocked.
            blocked = await self._blocked_for(tenant, identity, address)
        else:
            return refusal
        return too_many(blocked, TOO_OFTEN) if blocked else refusal

    async def _failed_as_station(self, tenant: str, identity: str, address: str, exists: bool) -> float:
        """Count a failure and return for how long whoever failed is blocked."""
        of_station, of_address = rules.login_of_station(), rules.login_of_address()
        if of_station is None and of_address is None:
            return 0.0
        blocked = await self.strikes.blocked_for(address_key(address))
        if blocked and not exists:
            return blocked  # names that are made up must not fill the memory
        # Nobody guesses the key of a station that does not exist: it only counts as one more name that was tried.
        rule = of_station if of_station is not None and exists else rules.NEVER_BLOCKS
        strike = await self.strikes.strike(login_key(tenant, identity, address), rule)
        if strike.begins:
            self._report_blocked(tenant, identity, address, strike)
        if strike.count == 1 and of_address is not None:
            blocked = max(blocked, await self._failed_as_another(address, of_address))
        return max(blocked, strike.blocked_for)

    def _report_blocked(self, tenant: str, identity: str, address: str, strike: Strike) -> None:
        log.warning("login_blocked", tenant=tenant, station=identity, address=address, seconds=strike.blocked_for)
        text = f"{strike.count} failed log-ins from {address}, which is blocked for {strike.blocked_for:.0f} s"
        self.reports.report(tenant, identity, Noticed.LOCKED_OUT, text)

    async def _failed_as_another(self, address: str, rule: Rule) -> float:
        strike = await self.strikes.strike(address_key(address), rule)
        if strike.begins:
            log.warning("address_blocked", address=address, stations=strike.count, seconds=strike.blocked_for)
        return strike.blocked_for

    async def require_unblocked(self, admission: Admission, address: str) -> None:
        """Check that a station with the right key comes from an address where its like has not failed too often.

        Raises:
            Refusal: 429, as to any other attempt from there: guessing right must not show.
        """
        if address in admission.known_addresses:
            return
        blocked = await self._blocked_for(admission.tenant.slug, admission.identity, address)
        if blocked:
            raise too_many(blocked, TOO_OFTEN)

    async def _blocked_for(self, tenant: str, identity: str, address: str) -> float:
        keys = (login_key(tenant, identity, address), address_key(address))
        return max([await self.strikes.blocked_for(key) for key in keys])

    # -- Flapping, sockets, storms -----------------------------------------------------------------

    async def enter(self, tenant: str, identity: str, address: str) -> None:
        """Let a station with the right key pass, or tell it when to come again.

        Raises:
            Refusal: 429 for one that connects again and again, 503 where there is no place for another socket or
                too many come at this moment.
        """
        await self._require_calm(tenant, identity, address)
        for name, text in socket_names(tenant, address):
            if self.sockets.full(name) and not await self._is_connected(tenant, identity):
                log.warning("no_more_sockets", of=text, tenant=tenant, station=identity, address=address)
                wait = (b"retry-after", b"%d" % FULL_SECONDS)
                raise Refusal(503, f"this {text} has as many connections as it may have", [wait])
        self._admissions.admit()  # the last, so that those who are refused take nobody's place

    async def _is_connected(self, tenant: str, identity: str) -> bool:
        """Return whether a station takes the place of its own socket."""
        if (tenant, identity) in self._here.connections:
            return True
        try:
            return await self._here.presence.lookup(tenant, identity) is not None
        except (RedisError, OSError):
            return False

    async def _require_calm(self, tenant: str, identity: str, address: str) -> None:
        rule = rules.flapping_station()
        if rule is None:
            return
        strike = await self.strikes.strike(flapping_key(tenant, identity), rule)
        if strike.begins:
            log.warning("station_flaps", tenant=tenant, station=identity, address=address, seconds=strike.blocked_for)
            text = f"{strike.count} connections within seconds, the last from {address}; refused for a while"
            self.reports.report(tenant, identity, Noticed.FLAPPING, text)
        blocked = strike.blocked_for
        if strike.count > 1 and not blocked:
            blocked = await self._flaps_with_others(address)
        if blocked:
            raise too_many(blocked, "this station connects again and again")

    async def _flaps_with_others(self, address: str) -> float:
        """Count a station that has just been here; those that come for the first time are not counted."""
        rule = rules.flapping_address()
        if rule is None:
            return 0.0
        strike = await self.strikes.strike(flapping_address_key(address), rule)
        if strike.begins:
            log.warning("address_flaps", address=address, connections=strike.count, seconds=strike.blocked_for)
        return strike.blocked_for


def socket_names(tenant: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the names under which a station's socket is counted, each with the word for it."""
    return (f"a:{address}", "address"), (f"t:{tenant}", "tenant")


def login_key(tenant: str, identity: str, address: str) -> str:
    """Return the key of failed log-ins as one station from one address."""
    return f"login:{tenant}/{identity}@{address}"


def address_key(address: str) -> str:
    """Return the key of failed log-ins as different stations from one address."""
    return f"login-address:{address}"


def flapping_key(tenant: str, identity: str) -> str:
    """Return the key of the connections of one station."""
    return f"flapping:{tenant}/{identity}"


def flapping_address_key(address: str) -> str:
    """Return the key of the repeated connections from one address."""
    return f"flapping-address:{address}"
