"""Our own calls that a station has not answered yet, by tenant, station and message id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A call in flight.

    Attributes:
        command_id: the stored command it carries out, or empty for a call of the gateway's own.
        deadline: when the answer is given up.
        epoch: the connection it was sent on.
    """

    message_id: str
    action: str
    command_id: str
    deadline: datetime
    epoch: int


class PendingCalls(Protocol):
    """What every implementation promises; the contract test in `tests/gateway` runs against each of them.

    A call past its deadline does not count as in flight, but stays until it is deleted.
    """

    async def add(self, tenant: str, station: str, call: PendingCall) -> None:
        """Record a call that is being sent."""
        ...

    async def get(self, tenant: str, station: str, message_id: str) -> PendingCall | None:
        """Return a call in flight."""
        ...

    async def has(self, tenant: str, station: str, message_id: str) -> bool:
        """Return whether this call is in flight."""
        ...

    async def has_any(self, tenant: str, station: str) -> bool:
        """Return whether the station owes any answer."""
        ...

    async def delete(self, tenant: str, station: str, message_id: str) -> bool:
        """Forget a call and return whether it was there: of several who try, one gets True."""
        ...

    async def clear(self, tenant: str, station: str) -> int:
        """Forget every call of a station and return how many there were."""
        ...

    async def calls(self, tenant: str, station: str) -> list[PendingCall]:
        """Return the calls of a station in flight, oldest deadline first."""
        ...


class MemoryPendingCalls:
    """Pending calls of a single process, for `REDIS_DISTRIBUTED_STATE=false`."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], dict[str, PendingCall]] = {}

    async def add(self, tenant: str, station: str, call: PendingCall) -> None:
        self._calls.setdefault((tenant, station), {})[call.message_id] = call

    async def get(self, tenant: str, station: str, message_id: str) -> PendingCall | None:
        call = self._calls.get((tenant, station), {}).get(message_id)
        return call if call is not None and call.deadline > datetime.now(UTC) else None

    async def has(self, tenant: str, station: str, message_id: str) -> bool:
        return await self.get(tenant, station, message_id) is not None

    async def has_any(self, tenant: str, station: str) -> bool:
        return bool(await self.calls(tenant, station))

    async def delete(self, tenant: str, station: str, message_id: str) -> bool:
        calls = self._calls.get((tenant, station), {})
        found = calls.pop(message_id, None) is not None
        if found and not calls:
            del self._calls[tenant, station]
        return found

    async def clear(self, tenant: str, station: str) -> int:
        return len(self._calls.pop((tenant, station), {}))

    async def calls(self, tenant: str, station: str) -> list[PendingCall]:
        now = datetime.now(UTC)
        calls = self._calls.get((tenant, station), {}).values()
        return sorted((call for call in calls if call.deadline > now), key=lambda call: call.deadline)
