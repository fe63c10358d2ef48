"""One station, one operator's program and one subscriber: what a scenario is told with.

`station` says something, `ask` has the operator ask and the station answer; each step is checked on the wire, in the
database, over REST and over MQTT at once, so that a scenario reads like a transcript.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tests.mqtt_capture import Capture, Event
from tests.people import Installed, Operator
from tests.rest_client import Rest
from tests.station import Asked, Payload, Station

# 1.6 word, our word.
STATES = {
    "Available": "available",
    "Preparing": "preparing",
    "Charging": "charging",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Finishing": "finishing",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}


def ago(**interval: float) -> str:
    """Return the time of some while ago, as a station writes it."""
    return wire_time(datetime.now(UTC) - timedelta(**interval))


def wire_time(moment: datetime) -> str:
    """Return a time as a station writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Scene:
    """A scenario's stage; `station` is replaced when the station reconnects."""

    charger: Installed
    operator: Operator
    rest: Rest
    mqtt: Capture
    open: Callable[[], Awaitable[Station]]
    station: Station
    _events: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return self.charger.identity

    @property
    def path(self) -> str:
        """The station's address in the API."""
        return f"chargepoints/{quote(self.identity, safe='')}"

    async def reconnect(self) -> None:
        """Come back over a new socket."""
        self.station = await self.open()

    async def event(self, event_type: str, **data: Any) -> Event:
        """Return the next event of this kind with this data that was not returned before."""
        key = (event_type, repr(sorted(data.items())))
        self._events[key] = number = self._events.get(key, 0) + 1
        return await self.mqtt.assert_event(self.identity, event_type, number, **data)

    def events(self, *types: str) -> list[Event]:
        """Return what was announced so far of these kinds."""
        return self.mqtt.of(self.identity, *types)

    # -- What the station says ---------------------------------------------------------------------

    async def boot(self, status: str = "Accepted") -> dict[str, Any]:
        """Boot, check the registration, and return the answer."""
        answer = await self.station.assert_replied(
            "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}
        )
        assert answer["status"] == status
        await self.event("charge_point.booted", registration=status.lower())
        return answer

    async def reports(self, status: str, connector: int = 1, error: str = "NoError", **more: Any) -> None:
        """Report a connector's state; it is stored, shown and announced."""
        payload: Payload = {"connectorId": connector, "errorCode": error, "status": status, **more}
        await self.station.assert_replied("StatusNotification", payload, {})
        code = "" if error == "NoError" else error
        await self.event("connector.status_changed", status=STATES[status], error_code=code)
        if connector:
            shown = next(one for one in self.operator.connectors(self.identity) if one["evse_id"] == connector)
            assert (shown["status"], shown["error_code"]) == (STATES[status], code)

    async def authorizes(self, tag: str, status: str = "Accepted") -> dict[str, Any]:
        """Present a tag, check the verdict, and return what is told of the tag."""
        answer = await self.station.assert_replied("Authorize", {"idTag": tag})
        info: dict[str, Any] = answer["idTagInfo"]
        assert info["status"] == status
        await self.event("session.authorized", id_tag=tag, status=status.lower())
        return info

    async def starts(self, tag: str, status: str = "Accepted", **changes: Any) -> int:
        """Start a transaction at connector 1 with the meter at 1,000 Wh, check the verdict, and return its id."""
        payload = {"connectorId": 1, "idTag": tag, "meterStart": 1000, "timestamp": ago(seconds=30)} | changes
        answer = await self.station.assert_replied("StartTransaction", payload)
        assert answer["idTagInfo"]["status"] == status
        number = int(answer["transactionId"])
        assert number > 0
        event = await self.event("session.started", transaction_id=number)
        assert event.data["id_tag"] == tag
        return number

    async def meters(self, transaction: int, register: int, **changes: Any) -> None:
        """Report the meter of a transaction, in Wh."""
        value = {"timestamp": ago(seconds=15), "sampledValue": [{"value": str(register), "unit": "Wh"}]}
        payload = {"connectorId": 1, "transactionId": transaction, "meterValue": [value]} | changes
        await self.station.assert_replied("MeterValues", payload, {})
        await self.event("session.meter_values", transaction_id=transaction)

    async def stops(self, transaction: int, reason: str | None = "Local", **changes: Any) -> dict[str, Any]:
        """Stop a transaction with the meter at 6,000 Wh and return the answer."""
        payload: dict[str, Any] = {"transactionId": transaction, "meterStop": 6000, "timestamp": ago(seconds=1)}
        payload |= ({"reason": reason} if reason else {}) | changes
        answer = await self.station.assert_replied("StopTransaction", payload)
        await self.event("session.stopped", transaction_id=transaction)
        return answer

    # -- What the operator asks --------------------------------------------------------------------

    async def ask(self, verb: str, body: Any, action: str, answer: Payload | str) -> tuple[dict[str, Any], Any]:
        """Have the station asked and answer; return the payload it was sent, and the command as it has ended.

        A text as the answer is a CALLERROR. How the command ended is stored, shown and announced alike.
        """
        asking = self.rest.asking(self.identity, verb, body)
        asked = await self.station.expect(action)
        await self._answer(asked, answer)
        command = await asking
        stored = self.operator.db["commands"].find_one({"_id": command["id"]})
        assert stored is not None
        assert (stored["state"], stored["response"]) == (command["state"], command["response"])
        await self.mqtt.assert_event(self.identity, f"command.{command['state']}", command_id=command["id"])
        return asked.payload, command

    async def asked(self, verb: str, body: Any, action: str, answer: Payload | str) -> str:
        """Have the station asked and answer; return the state in which the command ends."""
        return str((await self.ask(verb, body, action, answer))[1]["state"])

    async def _answer(self, asked: Asked, answer: Payload | str) -> None:
        if isinstance(answer, str):
            await self.station.refuse(asked, answer)
        else:
            await self.station.reply(asked, answer)

    # -- What is left ------------------------------------------------------------------------------

    async def session(self, transaction: int) -> dict[str, Any]:
        """Return a transaction's session as the API shows it, which is what is stored."""
        page = await self.rest.get(f"{self.path}/sessions", transaction_id=transaction)
        assert len(page["results"]) == 1, f"{transaction} has {len(page['results'])} sessions"
        shown: dict[str, Any] = page["results"][0]
        stored = next(one for one in self.operator.sessions(self.identity) if one["transaction_id"] == transaction)
        for name in ("status", "stop_reason", "energy_wh", "id_tag", "quality"):
            assert shown[name] == stored[name], name
        return shown

    async def token(self, tag: str | None = None, **fields: Any) -> str:
        """Create a token over REST and return its tag, of which there is no other."""
        tag = tag or f"T{len(self._events)}{self.identity[-14:]}".replace("_", "")[:20]
        created = await self.rest.post("id-tokens", {"id_tag": tag, **fields}, status=201)
        return str(created["id_tag"])
