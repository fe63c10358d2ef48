"""A central system for the simulator's tests: a real WebSocket server with the `ocpp` library on it.

The library checks every message against the OCPP schemas, so a payload that is wrong gets a CALLERROR.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import count
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

DEADLINE = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """One CALL as it came in."""

    action: str
    message_id: str
    payload: dict[str, Any]


@dataclass(slots=True)
class Central:
    """What the server does (`boot_answers`, `tag_status`, `swallow`, `refuse`), and what it has seen."""

    boot_answers: list[str] = field(default_factory=list)
    tag_status: str = "Accepted"
    swallow: list[str] = field(default_factory=list)  # actions whose next CALL is cut off unanswered
    refuse: HTTPStatus | None = None
    authorization: list[str | None] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    stations: list[Station] = field(default_factory=list)
    url: str = ""
    transaction_ids: count[int] = field(default_factory=lambda: count(7001))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def actions(self) -> list[str]:
        """Return the actions received, in order."""
        return [one.action for one in self.received]

    def of(self, action: str) -> list[Received]:
        """Return the CALLs of one action."""
        return [one for one in self.received if one.action == action]

    def statuses(self, connector: int) -> list[str]:
        """Return the statuses that one connector has reported."""
        found = self.of("StatusNotification")
        return [one.payload["status"] for one in found if one.payload["connectorId"] == connector]

    def told(self, action: str) -> list[str]:
        """Return the statuses that the messages of one action have told."""
        return [one.payload["status"] for one in self.of(action)]

    async def until(self, condition: Callable[[], object]) -> None:
        """Return when the condition holds; it is looked at after every message and every new connection."""
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def ask(self, request: Any) -> Any:
        """Send a CALL to the station that connected last, and return its answer."""
        async with asyncio.timeout(DEADLINE):
            return await self.stations[-1].call(request, suppress=False)

    async def start(self) -> Server:
        """Serve on a free port; `url` is where stations connect."""
        options: dict[str, Any] = {"subprotocols": ["ocpp1.6"], "process_request": self._admit}
        server = await serve(self._serve, "127.0.0.1", 0, **options)
        host, port = next(iter(server.sockets)).getsockname()[:2]
        self.url = f"ws://{host}:{port}/ocpp/tenant1/CP1"
        return server

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.authorization.append(request.headers.get("Authorization"))
        self.changed.set()
        return None if self.refuse is None else connection.respond(self.refuse, "refused\n")

    async def _serve(self, connection: ServerConnection) -> None:
        self.stations.append(Station(self, connection))
        self.changed.set()
        with suppress(ConnectionClosed):
            await self.stations[-1].start()


class Station(ChargePoint):
    """The server's side of one connection."""

    def __init__(self, central: Central, connection: ServerConnection) -> None:
        super().__init__("CP1", connection)
        self.central = central

    async def route_message(self, raw_msg: str) -> None:
        """Record a CALL before it is answered, or cut the connection instead of answering."""
        frame = json.loads(raw_msg)
        if frame[0] == 2:
            self.central.received.append(Received(frame[2], frame[1], frame[3]))
            self.central.changed.set()
            if frame[2] in self.central.swallow:
                self.central.swallow.remove(frame[2])
                self._connection.transport.abort()
                return
        await super().route_message(raw_msg)

    @on(Action.boot_notification)
    async def boot_notification(self, **_: Any) -> call_result.BootNotification:
        status: Any = self.central.boot_answers.pop(0) if self.central.boot_answers else "Accepted"
        return call_result.BootNotification(current_time=_now(), interval=900, status=status)

    @on(Action.heartbeat)
    async def heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)
    async def status_notification(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def authorize(self, **_: Any) -> call_result.Authorize:
        return call_result.Authorize(id_tag_info=self._tag())

    @on(Action.start_transaction)
    async def start_transaction(self, **_: Any) -> call_result.StartTransaction:
        return call_result.StartTransaction(transaction_id=next(self.central.transaction_ids), id_tag_info=self._tag())

    @on(Action.meter_values)
    async def meter_values(self, **_: Any) -> call_result.MeterValues:
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def stop_transaction(self, **_: Any) -> call_result.StopTransaction:
        return call_result.StopTransaction()

    @on(Action.firmware_status_notification)
    async def firmware_status(self, **_: Any) -> call_result.FirmwareStatusNotification:
        return call_result.FirmwareStatusNotification()

    @on(Action.signed_firmware_status_notification)
    async def signed_firmware_status(self, **_: Any) -> call_result.SignedFirmwareStatusNotification:
        return call_result.SignedFirmwareStatusNotification()

    @on(Action.diagnostics_status_notification)
    async def diagnostics_status(self, **_: Any) -> call_result.DiagnosticsStatusNotification:
        return call_result.DiagnosticsStatusNotification()

    @on(Action.log_status_notification)
    async def log_status(self, **_: Any) -> call_result.LogStatusNotification:
        return call_result.LogStatusNotification()

    @on(Action.sign_certificate)
    async def sign_certificate(self, **_: Any) -> call_result.SignCertificate:
        status: Any = "Accepted"
        return call_result.SignCertificate(status=status)

    def _tag(self) -> IdTagInfo:
        status: Any = self.central.tag_status
        return IdTagInfo(status=status)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
