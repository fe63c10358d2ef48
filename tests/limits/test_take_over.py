"""A second connection of a station: credentials first, then the newest wins, and an operator learns of it."""

from __future__ import annotations

import asyncio

from chargepoints.credentials import new_key
from tests.limits.conftest import connected, knock, noticed
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway

REPLACED = "replaced by a newer connection"


async def test_at_one_instance(here: Gateway, charger: Installed, anna: Operator, mqtt: Capture) -> None:
    old = await connected(here, charger, "127.0.0.7")
    new = await connected(here, charger, "127.0.0.8")
    assert await old.closed() == 1008
    assert old.socket.close_reason == REPLACED
    [event] = await noticed(anna, charger, "ConnectionTakenOver")
    assert event["tech_info"] == f"127.0.0.8 at {here.instance} has replaced 127.0.0.7 at {here.instance}"
    await mqtt.assert_event(charger.identity, "security.event_reported", type="ConnectionTakenOver")
    await new.assert_replied("Heartbeat")
    await new.socket.close()


async def test_from_one_instance_to_another(
    here: Gateway, there: Gateway, charger: Installed, anna: Operator, mqtt: Capture
) -> None:
    old = await connected(here, charger, "127.0.0.7")
    new = await connected(there, charger, "127.0.0.8")
    assert await old.closed() == 1008
    assert old.socket.close_reason == REPLACED
    [event] = await noticed(anna, charger, "ConnectionTakenOver")
    assert event["tech_info"] == f"127.0.0.8 at {there.instance} has replaced 127.0.0.7 at {here.instance}"
    await mqtt.assert_event(charger.identity, "security.event_reported", type="ConnectionTakenOver")
    mqtt.assert_in_order(charger.identity)
    await new.socket.close()


async def test_with_a_wrong_key_the_old_one_is_not_touched(
    here: Gateway, there: Gateway, charger: Installed, anna: Operator, address: str
) -> None:
    station = await connected(here, charger, "127.0.0.7")
    for gateway in (here, there):
        assert (await knock(gateway, charger, address, key=new_key())).status == 401
    await station.assert_replied("Heartbeat")
    assert anna.db["security_events"].count_documents({"charge_point_id": charger.identity}) == 0
    assert anna.charge_point(charger.identity)["connected"]["address"] == "127.0.0.7"
    await station.socket.close()


async def test_a_station_that_leaves_and_comes_back_has_taken_nothing_over(
    here: Gateway, charger: Installed, anna: Operator
) -> None:
    for _ in range(3):
        station = await connected(here, charger, "127.0.0.7")
        await station.socket.close()
        await anna.until(charger.identity, lambda one: one["connected"] is None)
    station = await connected(here, charger, "127.0.0.7")
    await connected(here, charger, "127.0.0.7")
    await station.closed()
    assert len(await noticed(anna, charger, "ConnectionTakenOver")) == 1


async def test_two_that_take_each_others_place_again_and_again(
    pair: list[Gateway], charger: Installed, anna: Operator
) -> None:
    """A copied key: it ends with a block, during which whoever is connected stays."""
    answers = [await knock(pair[number % 2], charger, f"127.0.0.{7 + number % 2}") for number in range(25)]
    statuses = [answer.status for answer in answers]
    assert statuses == [101] * 14 + [429] * 11
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    [event] = await noticed(anna, charger, "ConnectionFlapping")
    assert event["tech_info"].startswith("15 connections within seconds")
    other = anna.installs()
    assert (await knock(pair[0], other, "127.0.0.7")).status == 101, "others are fine"


async def test_who_is_connected_stays_while_another_flaps(
    pair: list[Gateway], charger: Installed, anna: Operator, address: str
) -> None:
    # All at once, for they count only within ten seconds.
    await asyncio.gather(*(knock(pair[number % 2], charger, address) for number in range(13)))
    staying = await connected(pair[0], charger, "127.0.0.7")
    # The next one begins the block, so this one is the last to get in.
    for gateway in (*pair, *pair):
        assert (await knock(gateway, charger, address)).status == 429
    await noticed(anna, charger, "ConnectionFlapping")
    await staying.assert_replied("Heartbeat")
    stored = anna.charge_point(charger.identity)
    assert (stored["connected"]["address"], stored["connected"]["epoch"]) == ("127.0.0.7", stored["epoch"])
    await staying.socket.close()
