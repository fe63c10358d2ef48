"""What a simulated station can be asked to send (OCPP 1.6 §5.17; security white paper, ExtendedTriggerMessage)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from ocpp_gateway.simulator.wire import Payload, Reply

if TYPE_CHECKING:
    from ocpp_gateway.simulator.connector import Connector
    from ocpp_gateway.simulator.station import Station

Send = Callable[[], Awaitable[None]]
_ONLY_EXTENDED = frozenset({"LogStatusNotification", "SignChargePointCertificate"})
_ONLY_PLAIN = frozenset({"DiagnosticsStatusNotification"})


class Triggers:
    """Answers TriggerMessage and ExtendedTriggerMessage; the message follows the answer."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def plain(self, payload: Payload) -> Reply:
        """Answer TriggerMessage."""
        return self._answer(payload, _ONLY_EXTENDED)

    def extended(self, payload: Payload) -> Reply:
        """Answer ExtendedTriggerMessage."""
        return self._answer(payload, _ONLY_PLAIN)

    def _answer(self, payload: Payload, left_out: frozenset[str]) -> Reply:
        chosen, wanted = self._station.connectors, payload["requestedMessage"]
        if (number := payload.get("connectorId")) is not None:
            if not 0 <= number < len(chosen):
                return Reply({"status": "Rejected"})
            chosen = [chosen[number]]
        send = None if wanted in left_out else self._senders(chosen).get(wanted)
        return Reply({"status": "NotImplemented"}) if send is None else Reply({"status": "Accepted"}, send)

    def _senders(self, chosen: list[Connector]) -> dict[str, Send]:
        station = self._station
        return {
            "BootNotification": station.uplink.send_boot,
            "DiagnosticsStatusNotification": partial(station.uploads.report, "DiagnosticsStatusNotification"),
            "FirmwareStatusNotification": station.firmware.report,
            "Heartbeat": station.uplink.send_heartbeat,
            "LogStatusNotification": partial(station.uploads.report, "LogStatusNotification"),
            "MeterValues": partial(self._meter_values, chosen),
            "SignChargePointCertificate": station.certificates.ask,
            "StatusNotification": partial(_report, chosen),
        }

    async def _meter_values(self, chosen: list[Connector]) -> None:
        station = self._station
        now = station.clock.now()
        for one in chosen:
            if one.visit is not None and one.visit.charging:
                one.visit.send_meter_values(now, "Trigger")
            elif one.number > 0:
                reading = one.meter.register_reading(now, "Trigger")
                await station.uplink.call("MeterValues", {"connectorId": one.number, "meterValue": [reading]})


async def _report(connectors: list[Connector]) -> None:
    for connector in connectors:
        await connector.report()
