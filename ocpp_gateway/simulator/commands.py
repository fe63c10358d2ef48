"""How a simulated station answers the central system (OCPP 1.6 §5); what it cannot do it says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ocpp_gateway.simulator.configuration import AUTHORIZATION_KEY
from ocpp_gateway.simulator.smart_charging import SmartCharging
from ocpp_gateway.simulator.triggers import Triggers
from ocpp_gateway.simulator.wire import CallRefused, Payload, Reply

if TYPE_CHECKING:
    from ocpp_gateway.simulator.charging import Visit
    from ocpp_gateway.simulator.connector import Connector
    from ocpp_gateway.simulator.station import Station

_ACCEPTED = {"status": "Accepted"}
_REJECTED = {"status": "Rejected"}


class Commands:
    """Answers for one station; an answer may carry what the station does after it has been sent."""

    def __init__(self, station: Station) -> None:
        self._station = station
        smart_charging, triggers = SmartCharging(station), Triggers(station)
        self._actions: dict[str, Callable[[Payload], Reply]] = {
            "CancelReservation": station.reservations.cancel,
            "CertificateSigned": station.certificates.take,
            "ChangeAvailability": self._change_availability,
            "ChangeConfiguration": self._change_configuration,
            "ClearCache": lambda _: Reply(_ACCEPTED),
            "ClearChargingProfile": smart_charging.clear,
            "DataTransfer": self._data_transfer,
            "DeleteCertificate": station.certificates.delete,
            "ExtendedTriggerMessage": triggers.extended,
            "GetCompositeSchedule": smart_charging.composite,
            "GetConfiguration": self._get_configuration,
            "GetDiagnostics": station.uploads.get_diagnostics,
            "GetInstalledCertificateIds": station.certificates.installed,
            "GetLocalListVersion": station.local_list.get_version,
            "GetLog": station.uploads.get_log,
            "InstallCertificate": station.certificates.install,
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "ReserveNow": station.reservations.reserve,
            "Reset": self._reset,
            "SendLocalList": station.local_list.send,
            "SetChargingProfile": smart_charging.set_profile,
            "SignedUpdateFirmware": station.firmware.update_signed,
            "TriggerMessage": triggers.plain,
            "UnlockConnector": self._unlock,
            "UpdateFirmware": station.firmware.update,
        }

    def answer(self, action: str, payload: Payload) -> Reply:
        """Return the answer to a CALL; raises CallRefused where a CALLERROR is due."""
        handler = self._actions.get(action)
        if handler is not None:
            try:
                return handler(payload)
            except KeyError as missing:
                raise CallRefused("OccurenceConstraintViolation", f"{missing.args[0]} is missing") from None
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
        status = self._station.configuration.change(payload["key"], payload["value"])
        # A new key is used at once: the station comes back with it (security white paper, A01).
        with_new_key = payload["key"] == AUTHORIZATION_KEY and status == "Accepted"
        return Reply({"status": status}, self._station.uplink.drop if with_new_key else None)

    def _get_configuration(self, payload: Payload) -> Reply:
        return Reply(self._station.configuration.report(payload.get("key") or []))

    def _data_transfer(self, payload: Payload) -> Reply:
        """Send back what came to the station's own maker; it knows no other."""
        if payload["vendorId"] != self._station.model.vendor:
            return Reply({"status": "UnknownVendorId"})
        return Reply({**_ACCEPTED, "data": payload.get("data", "")})

    def _remote_start(self, payload: Payload) -> Reply:
        wanted, tag = payload.get("connectorId"), payload["idTag"]
        # What is kept for this driver comes first.
        able = [one for one in self._station.connectors if one.free_for(tag) and wanted in (None, one.number)]
        free = sorted(able, key=lambda one: not one.reserved_for)
        authorize = self._station.configuration.boolean("AuthorizeRemoteTxRequests")
        plan = self._station.habits.remote_plan(payload["idTag"], authorize=authorize)
        if not free or not self._station.uplink.ready.is_set():
            return Reply(_REJECTED)

        async def charge() -> None:
            if free[0].free_for(tag):  # a driver may have come while the answer was on its way
                if "chargingProfile" in payload:
                    self._station.profiles.install(free[0].number, payload["chargingProfile"])
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


async def _stop(visit: Visit, reason: str) -> None:
    visit.stop(reason)
