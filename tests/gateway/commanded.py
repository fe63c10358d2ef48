"""A station that is given commands: what it is asked, and what it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.station import CALL, CALL_ERROR, CALL_RESULT, Payload, Station


@dataclass(frozen=True, slots=True)
class Asked:
    """A CALL of the central system, to be answered."""

    station: Station
    message_id: str
    payload: dict[str, Any]

    async def answer(self, **payload: Any) -> None:
        """Send the CALLRESULT."""
        await self.station.send(json.dumps([CALL_RESULT, self.message_id, payload]))

    async def refuse(self, code: str, description: str = "") -> None:
        """Send a CALLERROR."""
        await self.station.send(json.dumps([CALL_ERROR, self.message_id, code, description, {}]))


async def asked(station: Station, action: str) -> Asked:
    """Return the next frame that comes, which must be a CALL of this action."""
    text = await station.receive()
    frame = json.loads(text)
    assert frame[0] == CALL, text
    assert frame[2] == action, text
    return Asked(station, frame[1], frame[3])


async def notify(station: Station, status: str, connector: int = 1, **more: Any) -> None:
    """Report the state of a connector, and wait for the answer."""
    payload: Payload = {"connectorId": connector, "errorCode": "NoError", "status": status, **more}
    await station.assert_replied("StatusNotification", payload, {})
