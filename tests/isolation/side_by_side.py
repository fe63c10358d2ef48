"""Two operators who do the same at the same time, with stations of the same name: what each has left behind."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from tests.mqtt_capture import Capture
from tests.people import Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.station import basic, connect_station

# Both have a station that is called this.
STATION = "SAME:1"
TRANSACTIONS = 3


@dataclass
class Side:
    """One operator and the word by which everything of theirs is known."""

    operator: Operator
    mark: str = field(default_factory=lambda: f"mark{secrets.token_hex(6)}")
    download: bytes = b""
    export: str = ""

    @property
    def file(self) -> bytes:
        return f"log of {self.mark}\n".encode() * 20_000

    async def live(self, gateway: Gateway, capture: Capture) -> None:
        """Boot, charge, report, obey, upload: what a tenant does in a day."""
        installed = self.operator.installs(STATION)
        tag = self.operator.issues(f"T{self.mark}"[:20])
        base = gateway.url.replace("ws", "http")
        authorization = basic(installed.identity, installed.key)
        url = gateway.url + quote(installed.path)
        async with (
            Rest(base, token_for(self.operator)) as rest,
            httpx.AsyncClient(base_url=base, timeout=30) as http,
            await connect_station(url, installed.identity, authorization) as station,
        ):
            await station.boot(chargePointVendor=self.mark[:20], chargePointModel="Same")
            for number in range(TRANSACTIONS):
                await self._charge(station, tag, number)
            await station.call("DataTransfer", {"vendorId": "x", "data": self.mark})
            asking = rest.asking(STATION, "get-configuration", {})
            await station.obey(
                "GetConfiguration", {"configurationKey": [{"key": "Owner", "readonly": False, "value": self.mark}]}
            )
            await asking
            await self._upload(rest, http, station)
            self.export = (await http.get("/api/v1/sessions?format=csv", headers=_bearer(self.operator))).text
        await capture.until(STATION, self._over, f"the end of {self.operator.slug}")

    async def _charge(self, station: Any, tag: str, number: int) -> None:
        moment = f"2026-05-01T12:{number:02d}:00Z"
        start = {"connectorId": 1, "idTag": tag, "meterStart": number, "timestamp": moment}
        begun = await station.call("StartTransaction", start)
        transaction = begun.payload["transactionId"]
        sample = {"timestamp": moment, "sampledValue": [{"value": "5"}]}
        await station.call("MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [sample]})
        await station.call(
            "StopTransaction", {"transactionId": transaction, "meterStop": number + 1, "timestamp": moment}
        )

    async def _upload(self, rest: Rest, http: httpx.AsyncClient, station: Any) -> None:
        asking = rest.asking(STATION, "get-diagnostics", {})
        location = (await station.obey("GetDiagnostics", {"fileName": f"{self.mark}.zip"}))["location"]
        command = await asking
        stored = await http.put(f"{urlsplit(location).path}/{self.mark}.zip", content=self.file)
        assert stored.status_code == 201, stored.text
        await station.call("DiagnosticsStatusNotification", {"status": "Uploaded"})
        found = await http.get(f"/api/v1/log-jobs/{command['id']}/file", headers=_bearer(self.operator))
        self.download = found.content

    def _over(self, events: list[Any]) -> bool:
        mine = [event for event in events if event.payload["tenant_id"] == self.operator.slug]
        stopped = [event for event in mine if event.type == "session.stopped"]
        return len(stopped) == TRANSACTIONS and any(event.type == "charge_point.disconnected" for event in mine)


def _bearer(operator: Operator) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(operator)}"}
