"""The message rates of connections: one of their own each, and one that the tenant's connections share."""

from __future__ import annotations

from django.conf import settings

from ocpp_gateway.limits.message_rate import MessageRate


class MessageRates:
    """The rates of one process."""

    def __init__(self) -> None:
        self._per_station: int = settings.OCPP_STATION_MESSAGE_RATE
        self._per_tenant: int = settings.OCPP_TENANT_MESSAGE_RATE
        self._tenants: dict[str, MessageRate] = {}

    def of_connection(self, tenant: str) -> tuple[MessageRate, ...]:
        """Return the rates that a new connection has to keep."""
        rates: list[MessageRate] = []
        if self._per_station:
            rates.append(MessageRate(self._per_station))
        if self._per_tenant:
            shared = self._tenants.get(tenant)
            if shared is None:
                shared = self._tenants[tenant] = MessageRate(self._per_tenant)
            rates.append(shared)
        return tuple(rates)
