"""Wrong keys, from one address and from many: who guesses is blocked, and the real station is not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chargepoints.credentials import new_key
from tests.limits.conftest import LIMITS, connected, knock, noticed
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import basic
from tests.upgrade import HttpAnswer, upgrade

FREE = int(LIMITS["OCPP_LOGIN_FAILURES"])
AT_ONCE = 25


async def guess(gateways: list[Gateway], charger: Installed, sources: list[str]) -> list[HttpAnswer]:
    """Try a wrong key from each of these addresses, at the instances in turn, and return the answers."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, source: str) -> HttpAnswer:
        async with room:
            return await knock(gateways[number % len(gateways)], charger, source, key=new_key())

    return await asyncio.gather(*(one(number, source) for number, source in enumerate(sources)))


async def test_a_thousand_wrong_keys_from_one_address(
    pair: list[Gateway], charger: Installed, anna: Operator, address: str, mqtt: Capture
) -> None:
    here = pair[0]
    station = await connected(here, charger, "127.0.0.1")
    answers = await guess(pair, charger, [address] * 1000)
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {401: FREE - 1, 429: 1000 - FREE + 1}, "both instances count together"
    refused = next(answer for answer in answers if answer.status == 429)
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert "try again in" in refused.body

    await station.assert_replied("Heartbeat")
    [event] = await noticed(anna, charger, "LoginBlocked")
    assert address in event["tech_info"]
    announced = await mqtt.assert_event(charger.identity, "security.event_reported", type="LoginBlocked")
    assert announced.data["source"] == "server"
    await station.socket.close()
    again = await connected(here, charger, "127.0.0.1")
    await again.assert_replied("Heartbeat")
    await again.socket.close()


async def test_a_thousand_wrong_keys_from_many_addresses(
    pair: list[Gateway], charger: Installed, anna: Operator, addresses: list[str]
) -> None:
    here, there = pair
    station = await connected(here, charger, "127.0.0.1")
    statuses = Counter(answer.status for answer in await guess(pair, charger, addresses * 5))
    assert statuses == {401: 200 * (FREE - 1), 429: 200}
    await station.assert_replied("Heartbeat")
    await station.socket.close()
    for gateway, source in ((here, "127.0.0.1"), (there, "127.0.0.2")):
        again = await connected(gateway, charger, source)
        await again.assert_replied("Heartbeat")
        await again.socket.close()
    await noticed(anna, charger, "LoginBlocked")
    assert len(await noticed(anna, charger, "LoginBlocked")) <= 20, "an attacker must not fill the database"


async def test_the_real_station_shares_its_address_with_the_attacker(
    pair: list[Gateway], there: Gateway, charger: Installed, address: str
) -> None:
    station = await connected(there, charger, address)
    await guess(pair, charger, [address] * 100)
    await station.drop()
    for gateway in pair:
        again = await connected(gateway, charger, address)
        await again.assert_replied("Heartbeat")
        await again.drop()


async def test_a_right_guess_does_not_show(here: Gateway, there: Gateway, charger: Installed, address: str) -> None:
    """While an address is blocked, the right key from there is answered as a wrong one."""
    await guess([here], charger, [address] * FREE)
    wrong = await knock(there, charger, address, key=new_key())
    right = await knock(there, charger, address)
    assert (right.status, wrong.status) == (429, 429)
    assert right.body.partition(":")[0] == wrong.body.partition(":")[0]
    elsewhere = await knock(there, charger, "127.0.0.1")
    assert elsewhere.status == 101


async def test_who_tries_many_names_is_blocked_for_all_of_them(
    pair: list[Gateway], here: Gateway, there: Gateway, anna: Operator, address: str
) -> None:
    charger, neighbour = anna.installs(), anna.installs()
    station = await connected(here, neighbour, address)
    await station.socket.close()
    answers = [
        await upgrade(
            pair[number % 2].port, f"/ocpp/{anna.slug}/guess-{number}", authorization="Basic eDp5", source=address
        )
        for number in range(30)
    ]
    assert [answer.status for answer in answers] == [404] * 19 + [429] * 11
    unknown, wrong, right = (
        await upgrade(there.port, f"/ocpp/{anna.slug}/guess-30", authorization="Basic eDp5", source=address),
        await knock(there, charger, address, key=new_key()),
        await knock(there, charger, address),  # one that was never let in from there
    )
    assert (unknown.status, wrong.status, right.status) == (429, 429, 429)
    bodies = {answer.body.partition(":")[0] for answer in (unknown, wrong, right)}
    assert bodies == {"too many failed attempts from this address"}, "who is blocked finds out nothing more"
    for gateway in pair:
        again = await connected(gateway, neighbour, address)
        await again.assert_replied("Heartbeat")
        await again.socket.close()
    assert (await knock(here, charger, "127.0.0.1")).status == 101


async def test_one_station_with_a_wrong_key_does_not_block_its_site(
    here: Gateway, there: Gateway, anna: Operator, address: str
) -> None:
    """Behind one address: a station that tries its old key all the time, and one that is put up there."""
    misled, newcomer = anna.installs(), anna.installs()
    await guess([here, there], misled, [address] * 200)
    assert (await knock(there, newcomer, address)).status == 101


async def test_who_forges_a_header_is_blocked_all_the_same(here: Gateway, charger: Installed, address: str) -> None:
    for number in range(FREE * 2):
        answer = await upgrade(
            here.port, charger.path, more=(f"X-Forwarded-For: 203.0.113.{number}",), source=address, authorization=None
        )
    assert answer.status == 429


async def test_no_key_at_all_counts(here: Gateway, charger: Installed, address: str) -> None:
    statuses = [(await upgrade(here.port, charger.path, source=address)).status for _ in range(FREE + 1)]
    assert statuses == [401] * (FREE - 1) + [429] * 2


@pytest.fixture(scope="module")
def behind_proxy(directory: Path, global_database: None) -> Iterator[Gateway]:
    """A single instance without shared state, behind the proxy 127.0.0.9."""
    settings = {**LIMITS, "TRUSTED_PROXIES": "127.0.0.9", "REDIS_DISTRIBUTED_STATE": "false"}
    gateway = Gateway("daphne", directory, settings)
    gateway.start()
    yield gateway
    gateway.stop()


async def test_behind_a_proxy_it_is_the_stations_address_that_counts(
    behind_proxy: Gateway, charger: Installed, anna: Operator
) -> None:
    async def come(address: str, key: str, source: str = "127.0.0.9") -> int:
        authorization, more = basic(charger.identity, key), (f"X-Forwarded-For: 198.51.100.1, {address}",)
        answer = await upgrade(behind_proxy.port, charger.path, authorization=authorization, more=more, source=source)
        return answer.status

    statuses = [await come("203.0.113.1", new_key()) for _ in range(FREE + 1)]
    assert statuses == [401] * (FREE - 1) + [429] * 2
    assert await come("203.0.113.1", charger.key) == 429
    assert await come("203.0.113.2", charger.key) == 101
    assert await come("203.0.113.1", charger.key, source="127.0.0.10") == 101, "nobody else is believed"
    assert anna.charge_point(charger.identity)["known_addresses"] == ["127.0.0.10", "203.0.113.2"]
    await noticed(anna, charger, "LoginBlocked")
