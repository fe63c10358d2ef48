"""The message log: what is kept for which tenant, without what must not be kept, and found again over REST."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.gateway.conftest import Connect
from tests.people import Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.station import Station

DEADLINE = 15.0
KEY = "000102030405060708090a0b0c0d0e0f"

Message = dict[str, Any]


@pytest.fixture(scope="session")
def carla(global_database: None) -> Operator:
    """An operator who wants every message kept."""
    return Operator.founding("carla", message_log="all", message_log_days=3)


@pytest.fixture(scope="session")
def emil(global_database: None) -> Operator:
    """An operator who wants errors kept."""
    return Operator.founding("emil", message_log="errors")


@pytest.fixture
async def logged(connect: Connect, carla: Operator) -> Station:
    """A station of Carla's."""
    carla.still_here()
    return await connect(carla.installs())


@pytest.fixture
async def careful(connect: Connect, emil: Operator) -> Station:
    """A station of Emil's."""
    emil.still_here()
    return await connect(emil.installs())


@pytest.fixture
async def carlas(gateway: Gateway, carla: Operator) -> AsyncIterator[Rest]:
    """The API for an administrator of Carla's."""
    carla.still_here()
    async with Rest(gateway.url.replace("ws", "http"), token_for(carla)) as client:
        yield client


def kept(operator: Operator, station: str) -> list[Message]:
    """Return what is kept of a station, oldest first."""
    return list(operator.db["ocpp_messages"].find({"charge_point_id": station}).sort([("at", 1), ("_id", 1)]))


async def until(operator: Operator, station: str, condition: Callable[[list[Message]], Any]) -> list[Message]:
    """Return what is kept as soon as it fulfils the condition; fails when it never does."""

    def watch() -> list[Message]:
        end = time.monotonic() + DEADLINE
        with operator.db["ocpp_messages"].watch(max_await_time_ms=200) as changes:
            while not condition(messages := kept(operator, station)):
                assert time.monotonic() < end, f"kept are {messages}"
                changes.try_next()
        return messages

    return await asyncio.to_thread(watch)


def shown(message: Message) -> tuple[str, str, str, str]:
    return message["direction"], message["kind"], message["action"], message["result"]


async def test_every_frame_is_kept_both_ways(logged: Station, carla: Operator, carlas: Rest) -> None:
    await logged.assert_replied("Authorize", {"idTag": "SecretTag"}, message_id="a1")
    await logged.assert_call_error("Authorize", {"idTag": "SecretTagThatIsMuchTooLong"}, "PropertyConstraintViolation")
    asking = carlas.asking(logged.identity, "clear-cache")
    await logged.obey("ClearCache", {"status": "Rejected"})
    command = await asking
    messages = await until(carla, logged.identity, lambda found: len(found) == 6)
    assert [shown(message) for message in messages] == [
        ("in", "call", "Authorize", ""),
        ("out", "result", "Authorize", "Invalid"),
        ("in", "call", "Authorize", ""),
        ("out", "error", "Authorize", "PropertyConstraintViolation"),
        ("out", "call", "ClearCache", ""),
        ("in", "result", "ClearCache", "Rejected"),
    ]
    assert messages[0]["payload"] == '{"idTag":"***"}'
    assert (messages[1]["message_id"], messages[5]["message_id"]) == ("a1", command["id"])
    assert messages[0]["expires_at"] - messages[0]["at"] == timedelta(days=3)
    assert "SecretTag" not in str(messages)


async def test_messages_are_searched(logged: Station, carla: Operator, carlas: Rest) -> None:
    for tag in ("one", "two"):
        await logged.assert_replied("Authorize", {"idTag": tag})
    await logged.assert_replied("Heartbeat")
    messages = await until(carla, logged.identity, lambda found: len(found) == 6)
    path = f"chargepoints/{logged.identity}/messages"
    newest = (await carlas.get(path))["results"]
    assert [one["id"] for one in newest] == [one["_id"] for one in reversed(messages)]
    assert set(newest[0]["payload"]) == {"currentTime"}
    found = (await carlas.get(path, action="Authorize", direction="out", result="Invalid", ordering="at"))["results"]
    assert [one["payload"]["idTagInfo"]["status"] for one in found] == ["Invalid", "Invalid"]
    assert (await carlas.get(path, at_to=newest[-1]["at"]))["results"] == []
    await carlas.get("chargepoints/nobody/messages", status=404)


async def test_keys_of_stations_and_links_are_never_kept(logged: Station, carla: Operator, carlas: Rest) -> None:
    asking = carlas.asking(logged.identity, "get-configuration")
    settings = [{"key": "AuthorizationKey", "value": KEY, "readonly": False}]
    await logged.obey("GetConfiguration", {"configurationKey": settings})
    await asking
    asking = carlas.asking(
        logged.identity,
        "update-firmware",
        {
            "location": "ftp://user:hunter2@files.example/fw",
            "retrieve_at": "2026-05-01T10:00:00Z",
        },
    )
    await logged.obey("UpdateFirmware", {})
    await asking
    asking = carlas.asking(logged.identity, "get-diagnostics")
    link = (await logged.obey("GetDiagnostics", {"fileName": "d"}))["location"]
    await asking
    messages = await until(carla, logged.identity, lambda found: len(found) == 6)
    text = str(messages)
    assert KEY not in text
    assert "hunter2" not in text
    assert "ftp://***@files.example/fw" in text
    assert link.rsplit("/", 1)[1] not in text


async def test_errors_only(careful: Station, emil: Operator) -> None:
    await careful.assert_replied("Heartbeat")
    await careful.assert_call_error("Authorize", {"idTag": 5}, "TypeConstraintViolation")
    await careful.assert_text_refused("no json", "-1", "FormationViolation")
    await careful.assert_replied("Heartbeat")
    messages = await until(emil, careful.identity, lambda found: len(found) >= 3)
    assert [shown(message) for message in messages] == [
        ("in", "call", "Authorize", ""),
        ("out", "error", "Authorize", "TypeConstraintViolation"),
        ("in", "malformed", "", ""),
    ]


async def test_nothing_is_kept_for_those_who_want_nothing(
    station: Station, anna: Operator, logged: Station, carla: Operator
) -> None:
    await station.assert_call_error("Authorize", {}, "ProtocolError")
    await logged.assert_replied("Heartbeat")
    await until(carla, logged.identity, lambda found: len(found) == 2)
    assert kept(anna, station.identity) == []


async def test_a_change_of_mind_reaches_open_sockets(connect: Connect, global_database: None) -> None:
    dora = Operator.founding("dora")
    station = await connect(dora.installs())
    dora.configure(message_log="all")

    async def talk() -> None:
        while True:
            await station.assert_replied("Heartbeat")
            await station.assert_silent(0.2)

    talking = asyncio.create_task(talk())
    await until(dora, station.identity, lambda found: len(found) >= 2)
    talking.cancel()


def test_mongodb_deletes_what_has_expired(carla: Operator) -> None:
    index = carla.db["ocpp_messages"].index_information()["message_expiry"]
    assert (index["key"], index["expireAfterSeconds"]) == ([("expires_at", 1)], 0)
