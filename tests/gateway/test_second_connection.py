"""Several connections of one station: the newest owns it, and no other can do it any harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway.conftest import Connect
from tests.gateway.v16.charging import meter_values, start, stop
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station, basic, connect_station
from tests.upgrade import upgrade

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


async def open_socket(gateway: Gateway, charger: Installed) -> Station:
    """Return a socket of `charger`."""
    return await connect_station(gateway.url + charger.path, charger.identity, basic(charger.identity, charger.key))


@pytest.fixture
async def old(each_gateway: Gateway, charger: Installed) -> AsyncIterator[Station]:
    """The first socket of `charger`."""
    async with await open_socket(each_gateway, charger) as station:
        await station.assert_replied("Heartbeat")
        yield station


async def test_the_newest_connection_wins(
    each_gateway: Gateway, old: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    first = anna.charge_point(charger.identity)["connected"]
    async with await open_socket(each_gateway, charger) as new:
        assert await old.closed() == 1008
        await new.assert_replied("StatusNotification", STATUS)
        second = anna.charge_point(charger.identity)["connected"]
        assert second["epoch"] == first["epoch"] + 1
        await mqtt.assert_event(charger.identity, "connector.status_changed")
        assert not mqtt.of(charger.identity, "charge_point.disconnected"), "the station was never offline"
        assert all(event.payload["connected"] for event in mqtt.status(charger.identity))
        mqtt.assert_in_order(charger.identity)


async def test_the_late_end_of_the_old_one_changes_nothing(
    each_gateway: Gateway, old: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    """The old socket does not answer its close frame, as one whose network has gone; then it is cut."""
    old.socket.transport.pause_reading()
    async with await open_socket(each_gateway, charger) as new:
        await new.assert_replied("Heartbeat")
        owner = anna.charge_point(charger.identity)["connected"]
        old.socket.transport.abort()
        for number in range(5):
            await new.assert_replied("StatusNotification", {**STATUS, "info": str(number)})
        await mqtt.assert_event(charger.identity, "connector.status_changed", info="4")
        assert anna.charge_point(charger.identity)["connected"] == owner
        assert not mqtt.of(charger.identity, "charge_point.disconnected")
    await mqtt.assert_event(charger.identity, "charge_point.disconnected")
    assert anna.charge_point(charger.identity)["connected"] is None


async def test_wrong_credentials_leave_the_owner_alone(
    each_gateway: Gateway, old: Station, charger: Installed, anna: Operator
) -> None:
    before = anna.charge_point(charger.identity)["connected"]
    for authorization in (None, basic(charger.identity, "wrong"), basic("somebody", charger.key)):
        assert (await upgrade(each_gateway.port, charger.path, authorization=authorization)).status == 401
    right = basic(charger.identity, charger.key)
    assert (await upgrade(each_gateway.port, charger.path, authorization=right, subprotocols="x")).status == 400
    await old.assert_replied("Heartbeat")
    assert anna.charge_point(charger.identity)["connected"] == before


async def test_a_charge_goes_on_over_three_connections(
    each_gateway: Gateway, old: Station, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    begun = await old.assert_replied("StartTransaction", start(anna.issues()))
    transaction = begun["transactionId"]
    async with await open_socket(each_gateway, charger) as second:
        await second.assert_replied("MeterValues", meter_values(transactionId=transaction))
    async with await open_socket(each_gateway, charger) as third:
        await third.assert_replied("StopTransaction", stop(transaction))
    session = anna.only_session(charger.identity)
    assert (session["status"], session["energy_wh"]) == ("completed", 5000)
    assert anna.meter_values(charger.identity)[0]["session_id"] == session["_id"]
    await mqtt.assert_event(charger.identity, "session.stopped")
    types = [event.type for event in mqtt.of(charger.identity) if event.type.startswith("session")]
    assert types == ["session.started", "session.meter_values", "session.stopped"]
    mqtt.assert_in_order(charger.identity)


async def test_of_many_connections_at_once_one_remains(
    each_gateway: Gateway, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    """Ten times: a station, or ten of its ghosts, connect in the same moment."""
    for storm in range(1, 11):
        stations = [s for s in await asyncio.gather(*(try_to(each_gateway, charger) for _ in range(10))) if s]
        open_ones = [s for s in stations if await answers(s)]
        assert len(open_ones) == 1
        document = anna.charge_point(charger.identity)
        assert document["connected"]["epoch"] == document["epoch"]
        for station in stations:
            await station.drop()
        await mqtt.assert_event(charger.identity, "charge_point.disconnected", number=storm)
        mqtt.assert_in_order(charger.identity)
        assert anna.charge_point(charger.identity)["connected"] is None


async def try_to(gateway: Gateway, charger: Installed) -> Station | None:
    """Return a socket, or None where the handshake was refused because a newer one was faster."""
    try:
        return await open_socket(gateway, charger)
    except InvalidStatus as refused:
        if refused.response.status_code != 503:
            raise
        return None


async def answers(station: Station) -> bool:
    """Return whether a station's socket is open and served."""
    try:
        await station.assert_replied("Heartbeat")
    except (AssertionError, ConnectionClosed):
        assert station.socket.close_code == 1008
        return False
    return True


@pytest.mark.parametrize("farewell", ["close", "abort"])
async def test_a_station_that_leaves_during_the_handshake_is_not_connected(
    each_gateway: Gateway, charger: Installed, anna: Operator, farewell: str
) -> None:
    before = anna.charge_point(charger.identity)["epoch"]
    for _ in range(5):
        await ask_and_leave(each_gateway.port, charger, farewell)
    await anna.until(charger.identity, lambda document: document["epoch"] > before and not document["connected"])


async def ask_and_leave(port: int, charger: Installed, farewell: str) -> None:
    """Ask for an upgrade and hang up without waiting for the answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (
        f"GET {charger.path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: {basic(charger.identity, charger.key)}",
    )
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()
    if farewell == "abort":
        writer.transport.abort()
    else:
        writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


# -- One tenant and another ----------------------------------------------------------------------


async def test_what_is_annas_is_nowhere_in_what_is_boriss(
    connect: Connect, charger: Installed, anna: Operator, boris: Operator, mqtt: Capture
) -> None:
    tag = anna.issues()
    station = await connect(charger)
    await station.boot()
    await station.assert_replied("StatusNotification", STATUS)
    await station.assert_replied("Authorize", {"idTag": tag})
    transaction = (await station.assert_replied("StartTransaction", start(tag)))["transactionId"]
    await station.assert_replied("MeterValues", meter_values(transactionId=transaction))
    await station.assert_replied("StopTransaction", stop(transaction))
    await mqtt.assert_event(charger.identity, "session.stopped")
    assert anna.db.name != boris.db.name
    for collection in boris.db.list_collection_names():
        for document in boris.db[collection].find():
            assert charger.identity not in str(document)
            assert tag not in str(document)
    for event in [*mqtt.of(charger.identity), *mqtt.status(charger.identity)]:
        assert event.topic.split("/")[2:4] == [anna.slug, charger.identity]
        assert event.payload["tenant_id"] == anna.slug


async def test_stations_of_the_same_name_in_two_tenants_are_two(
    connect: Connect, anna: Operator, boris: Operator
) -> None:
    name = f"twin-{anna.slug[-6:]}"
    for operator in (anna, boris):
        operator.db["charge_points"].delete_one({"_id": name})
    hers, his = anna.installs(name), boris.installs(name)
    one, two = await connect(hers), await connect(his)
    await one.assert_replied("StatusNotification", {**STATUS, "status": "Charging"})
    await two.assert_replied("StatusNotification", {**STATUS, "status": "Faulted"})
    await one.assert_replied("Heartbeat")
    states: list[Any] = [operator.connectors(name)[0]["status"] for operator in (anna, boris)]
    assert states == ["charging", "faulted"]
