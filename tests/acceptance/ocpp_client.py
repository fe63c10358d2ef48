"""A charge played by the `ocpp` library's own ChargePoint: a client that nobody here wrote."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ocpp.v16 import ChargePoint, call
from ocpp.v16.enums import ChargePointErrorCode, ChargePointStatus, Reason
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

METER_START, METER_STOP = 10_000, 21_500  # Wh
READINGS = (14_000, 18_000)  # Wh


@dataclass(frozen=True)
class Charged:
    """What the station knows of its charge."""

    transaction_id: int
    started: datetime


@asynccontextmanager
async def library_station(url: str, identity: str, key: str) -> AsyncIterator[ChargePoint]:
    """Connect with the library's client; inside the block it answers and can be asked to `call`."""
    pair = base64.b64encode(f"{identity}:{key}".encode()).decode()
    async with connect(
        url,
        subprotocols=[Subprotocol("ocpp1.6")],
        additional_headers={"Authorization": f"Basic {pair}"},
        proxy=None,
    ) as socket:
        assert socket.subprotocol == "ocpp1.6"
        station = ChargePoint(identity, socket, response_timeout=30)
        reading = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def whole_charge(station: ChargePoint, id_tag: str, started: datetime) -> Charged:
    """Boot, report, authorize, start, meter, stop; every answer is checked on the way."""
    await _boot(station, id_tag)
    start = await station.call(
        call.StartTransaction(connector_id=1, id_tag=id_tag, meter_start=METER_START, timestamp=_text(started))
    )
    assert start.id_tag_info["status"] == "Accepted"
    await _report(station, ChargePointStatus.charging)
    for place, register in enumerate(READINGS, start=1):
        value = _meter_value(started + timedelta(minutes=place), register)
        await station.call(call.MeterValues(connector_id=1, transaction_id=start.transaction_id, meter_value=[value]))
    stop = await station.call(
        call.StopTransaction(
            meter_stop=METER_STOP,
            timestamp=_text(started + timedelta(minutes=3)),
            transaction_id=start.transaction_id,
            reason=Reason.ev_disconnected,
            id_tag=id_tag,
        )
    )
    assert stop.id_tag_info["status"] == "Accepted"
    await _report(station, ChargePointStatus.available)
    return Charged(start.transaction_id, started)


async def _boot(station: ChargePoint, id_tag: str) -> None:
    boot = await station.call(call.BootNotification(charge_point_vendor="Acme", charge_point_model="Library 22"))
    assert boot.status == "Accepted"
    assert boot.interval > 0
    await _report(station, ChargePointStatus.available)
    heartbeat = await station.call(call.Heartbeat())
    answered = datetime.fromisoformat(heartbeat.current_time)
    assert abs(answered - datetime.now(UTC)) < timedelta(seconds=10)
    verdict = await station.call(call.Authorize(id_tag=id_tag))
    assert verdict.id_tag_info["status"] == "Accepted"


async def _report(station: ChargePoint, status: ChargePointStatus) -> None:
    await station.call(call.StatusNotification(connector_id=1, error_code=ChargePointErrorCode.no_error, status=status))


def _meter_value(moment: datetime, register: int) -> dict[str, Any]:
    return {
        "timestamp": _text(moment),
        "sampled_value": [
            {"value": str(register), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "11000", "measurand": "Power.Active.Import", "unit": "W"},
        ],
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
