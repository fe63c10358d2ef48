"""Who holds which station's socket: by tenant and station, with the epoch that tells old from new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Owner:
    """The connection that owns a station.

    Attributes:
        epoch: rises with every connection of the station; the highest one owns it.
        address: where its socket comes from.
    """

    tenant: str
    station: str
    instance: str
    epoch: int
    ocpp_version: str
    since: datetime
    address: str = ""


class Presence(Protocol):
    """What every implementation promises; the contract test in `tests/gateway` runs against each of them."""

    async def claim(self, owner: Owner) -> Owner | None:
        """Make `owner` the owner and return the one it replaces.

        Raises:
            StaleEpoch: a newer connection owns the station already.
        """
        ...

    async def release(self, tenant: str, station: str, epoch: int) -> bool:
        """Remove the owner if its epoch is still this one; return whether it was."""
        ...

    async def lookup(self, tenant: str, station: str) -> Owner | None:
        """Return the owner, or None if the station is offline."""
        ...

    async def owners(self, tenant: str) -> list[Owner]:
        """Return the owners of all connected stations of a tenant, ordered by station."""
        ...


class StaleEpoch(Exception):
    """A connection came too late: a newer one owns the station."""


class MemoryPresence:
    """Presence of a single process, for `REDIS_DISTRIBUTED_STATE=false`."""

    def __init__(self) -> None:
        self._owners: dict[str, dict[str, Owner]] = {}

    async def claim(self, owner: Owner) -> Owner | None:
        stations = self._owners.setdefault(owner.tenant, {})
        known = stations.get(owner.station)
        if known is not None and known.epoch > owner.epoch:
            raise StaleEpoch(owner.station)
        stations[owner.station] = owner
        return known

    async def release(self, tenant: str, station: str, epoch: int) -> bool:
        stations = self._owners.get(tenant, {})
        known = stations.get(station)
        if known is None or known.epoch != epoch:
            return False
        del stations[station]
        if not stations:
            del self._owners[tenant]
        return True

    async def lookup(self, tenant: str, station: str) -> Owner | None:
        return self._owners.get(tenant, {}).get(station)

    async def owners(self, tenant: str) -> list[Owner]:
        return sorted(self._owners.get(tenant, {}).values(), key=lambda owner: owner.station)
