"""What the load's stations say: OCPP 1.6 CALLs with payloads of the size real stations send."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from bench.driver import Script, Stage

_BOOT = json.dumps(
    {
        "chargePointVendor": "BenchCharge",
        "chargePointModel": "Twin 22",
        "chargePointSerialNumber": "BC-2201-0042",
        "firmwareVersion": "3.4.1",
        "meterType": "EM340",
    },
    separators=(",", ":"),
).encode()
_METER_VALUES = (
    b'{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s","sampledValue":['
    b'{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    b'{"value":"%d.5","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"15.9","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"},'
    b'{"value":"%d","context":"Sample.Periodic","measurand":"SoC","location":"EV","unit":"Percent"}]}]}'
)


@dataclass(slots=True)
class Vehicle:
    """The charge that one station plays; its meter only ever rises (Wh)."""

    id_tag: str
    meter: int = 1_000_000
    transaction: int = 0


def timestamp() -> bytes:
    """Return the time now as OCPP writes it, in milliseconds."""
    now = time.time()
    whole = int(now)
    return b"%s.%03dZ" % (_second(whole), int((now - whole) * 1000))


@lru_cache(maxsize=1)
def _second(whole: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)).encode()


def boot(stage: Stage, vehicle: Vehicle) -> Script:
    """Boot, tell that connector 1 is free, and send one Heartbeat: a station that has been served once."""
    answer = yield "BootNotification", _BOOT
    if b'"Accepted"' not in answer:
        stage.fail("BootNotification was not accepted: " + answer[:120].decode(errors="replace"))
    status = b'{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"%s"}'
    yield "StatusNotification", status % timestamp()
    yield "Heartbeat", b"{}"


def authorize(stage: Stage, vehicle: Vehicle) -> Script:
    """Ask whether the tag of `vehicle` may charge."""
    yield "Authorize", b'{"idTag":"%s"}' % vehicle.id_tag.encode()


def start(stage: Stage, vehicle: Vehicle) -> Script:
    """Begin a transaction and keep its id in `vehicle`."""
    payload = b'{"connectorId":1,"idTag":"%s","meterStart":%d,"timestamp":"%s"}'
    answer = yield "StartTransaction", payload % (vehicle.id_tag.encode(), vehicle.meter, timestamp())
    result = json.loads(answer)[2]
    vehicle.transaction = result["transactionId"]
    if result["idTagInfo"]["status"] != "Accepted":
        stage.fail(f"StartTransaction: the id tag is {result['idTagInfo']['status']}")


def stop(stage: Stage, vehicle: Vehicle) -> Script:
    """End the transaction of `vehicle`."""
    payload = b'{"transactionId":%d,"idTag":"%s","meterStop":%d,"timestamp":"%s","reason":"Local"}'
    yield (
        "StopTransaction",
        payload % (vehicle.transaction, vehicle.id_tag.encode(), vehicle.meter, timestamp()),
    )


def meter_values(stage: Stage, vehicle: Vehicle) -> Script:
    """Send one MeterValues with four samples of the running transaction."""
    vehicle.meter += 61
    power = 10_800 + vehicle.meter % 400
    soc = 20 + vehicle.meter // 1000 % 60
    yield "MeterValues", _METER_VALUES % (vehicle.transaction, timestamp(), vehicle.meter, power, soc)


def heartbeats(stage: Stage, vehicle: Vehicle) -> Script:
    """Heartbeat after Heartbeat; each counts as one unit."""
    while not stage.over:
        yield "Heartbeat", b"{}"
        stage.units += 1


def metering(stage: Stage, vehicle: Vehicle) -> Script:
    """MeterValues after MeterValues; each counts as one unit."""
    while not stage.over:
        yield from meter_values(stage, vehicle)
        stage.units += 1


def charges(stage: Stage, vehicle: Vehicle) -> Script:
    """Authorize, StartTransaction, three MeterValues, StopTransaction: together one unit.

    Each CALL counts as its share: in a short run the whole transactions would come in lumps.
    """
    while not stage.over:
        for part in (authorize, start, meter_values, meter_values, meter_values, stop):
            yield from part(stage, vehicle)
            stage.units += 1 / 6


@dataclass(frozen=True, slots=True)
class Play:
    """A load: what comes before it and after it on every station, and the part that is measured."""

    loop: Callable[[Stage, Vehicle], Script]
    before: tuple[Callable[[Stage, Vehicle], Script], ...] = (boot,)
    after: tuple[Callable[[Stage, Vehicle], Script], ...] = ()


PLAYS = {
    "heartbeat": Play(heartbeats),
    "meter_values": Play(metering, before=(boot, start), after=(stop,)),
    "transaction": Play(charges),
}
