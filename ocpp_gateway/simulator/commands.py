"""How a simulated station answers the central system (OCPP 1.6 §5); what it cannot do it says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ocpp_gateway.simulator.wire import CallRefused, Payload, Reply

if TYPE_CHECKING:
    from ocpp_gateway.simulator.charging import Visit
    from ocpp_gateway.simulator.connector import Connector
    from ocpp_gateway.simulator.station import Station

_ACCEPTED = {"status": "Accepted"}
_REJECTED = {"status": "Rejected"}
# Actions of OCPP 1.6 that this station knows by name and does not support.
_UNSUPPORTED = frozenset(
    {
        "CancelReservation",
        "ClearChargingProfile",
        "GetCompositeSchedule",
        "GetDiagnostics",
        "GetLocalListVersion",
        "ReserveNow",
        "SendLocalList",
        "SetChargingProfile",
        "UpdateFirmware",
    }
)


class Commands:
    """Answers for one station; an answer may carry what the station does after it has been sent."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._actions: dict[str, Callable[[Payload], Reply]] = {
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": lambda _: Reply(_ACCEPTED),
            "DataTransfer": lambda _: Reply({"status": "UnknownVendorId"}),
            "GetConfiguration": self._get_configuration,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "Reset": self._reset,
            "TriggerMessage": self._trigger,
            "UnlockConnector": self._unlock,
        }

    def answer(self, action: str, payload: Payload) -> Reply:
        """Return the answer to a CALL; raises CallRefused where a CALLERROR is due."""
        handler = self._actions.get(action)
        if handler is not None:
            try:
                return handler(payload)
            except KeyError as missing:
                raise CallRefused("OccurenceConstraintViolation", f"{missing.args[0]} is missing") from None
        if action in _UNSUPPORTED:
            raise CallRefused("NotSupported", f"{action} is not supported by this station")
        raise CallRefused("NotImplemented", f"{action} is not known to this station")

    def _connector(self, number: int) -> Connector | None:
        connectors = self._station.connectors
        return connectors[number] if 0 <= number < len(connectors) else None

    def _change_availability(self, payload: Payload) -> Reply:
        connector = self._connector(payload["connectorId"])
        if connector is None:
            return Reply(_REJECTED)
        chosen = self._station.connectors if connector.number == 0 else [connector]
        statuses = {one.set_availability(payload["type"] == "Operative") for one in chosen}

        async def show() -> None:
            for one in chosen:
                if one.visit is None:
                    await one.rest()

        return Reply({"status": "Scheduled" if "Scheduled" in statuses else "Accepted"}, show)

    def _change_configuration(self, payload: Payload) -> Reply:
        return Reply({"status": self._station.configuration.change(payload["key"], payload["value"])})

    def _get_configuration(self, payload: Payload) -> Reply:
        return Reply(self._station.configuration.report(payload.get("key") or []))

    def _remote_start(self, payload: Payload) -> Reply:
        wanted = payload.get("connectorId")
        free = [one for one in self._station.connectors if one.free and wanted in (None, one.number)]
        authorize = self._station.configuration.boolean("AuthorizeRemoteTxRequests")
        plan = self._station.habits.remote_plan(payload["idTag"], authorize=authorize)
        if not free or not self._station.uplink.ready.is_set():
            return Reply(_REJECTED)

        async def charge() -> None:
            if free[0].free:  # a driver may have come while the answer was on its way
                await self._station.visit(free[0], plan)

        return Reply(_ACCEPTED, charge)

    def _remote_stop(self, payload: Payload) -> Reply:
        wanted = payload["transactionId"]
        for visit in self._station.visits:
            if visit.transaction is not None and visit.transaction.id == wanted:
                return Reply(_ACCEPTED, partial(_stop, visit, "Remote"))
        return Reply(_REJECTED)

    def _reset(self, payload: Payload) -> Reply:
        hard = payload["type"] == "Hard"
        return Reply(_ACCEPTED, partial(self._station.reset, hard=hard))

    def _unlock(self, payload: Payload) -> Reply:
        connector = self._connector(payload["connectorId"])
        if connector is None or connector.number == 0:
            return Reply({"status": "NotSupported"})
        visit = connector.visit
        if visit is None:
            return Reply({"status": "Unlocked"})
        return Reply({"status": "Unlocked"}, partial(_stop, visit, "UnlockCommand"))

    def _trigger(self, payload: Payload) -> Reply:
        chosen = self._station.connectors
        if (number := payload.get("connectorId")) is not None:
            connector = self._connector(number)
            if connector is None:
                return Reply(_REJECTED)
            chosen = [connector]
        match payload["requestedMessage"]:
            case "BootNotification":
                return Reply(_ACCEPTED, self._station.uplink.send_boot)
            case "Heartbeat":
                return Reply(_ACCEPTED, self._station.uplink.send_heartbeat)
            case "StatusNotification":
                return Reply(_ACCEPTED, partial(_report, chosen))
            case "MeterValues":
                return self._trigger_meter_values(chosen)
        return Reply({"status": "NotImplemented"})

    def _trigger_meter_values(self, chosen: list[Connector]) -> Reply:
        station = self._station

        async def send() -> None:
            now = station.clock.now()
            for one in chosen:
                if one.visit is not None and one.visit.charging:
                    one.visit.send_meter_values(now, "Trigger")
                elif one.number > 0:
                    payload = {
                        "connectorId": one.number,
                        "meterValue": [one.meter.register_reading(now, "Trigger")],
                    }
                    await station.uplink.call("MeterValues", payload)

        return Reply(_ACCEPTED, send)


async def _report(connectors: list[Connector]) -> None:
    for connector in connectors:
        await connector.report()


async def _stop(visit: Visit, reason: str) -> None:
    visit.stop(reason)
