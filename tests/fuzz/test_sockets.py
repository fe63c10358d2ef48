"""Random frames over real sockets, with commands at the same time: what must hold of every station, holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any

import httpx
import pytest

from ocpp_gateway.protocol.timestamps import parse_time
from tests.acceptance.ledger import Outcome, Sent
from tests.fuzz.conftest import SECONDS
from tests.fuzz.frames import COMMANDS
from tests.fuzz.schema_values import request_maker
from tests.fuzz.station import TRANSACTION_MESSAGES, FuzzStation
from tests.gateway.v16.odd_values import odd_value
from tests.mqtt_capture import Capture, Event
from tests.people import Operator
from tests.rest_client import token_for
from tests.serving import Gateway

STATIONS = 6


@pytest.fixture(scope="module")
def fiona(global_database: None) -> Operator:
    """An operator whose tenant keeps every message and may ask as often as it likes."""
    return Operator.founding("fiona", message_log="all", api_rate_limit=1_000_000)


@pytest.fixture
async def api(gateway: Gateway, fiona: Operator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token_for(fiona)}"}
    base = f"{gateway.url.replace('ws', 'http')}/api/v1/"
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
        yield client


async def ask_anything(api: httpx.AsyncClient, stations: list[FuzzStation], random: Random, end: float) -> int:
    """Send random commands until `end`, each of which is taken or refused; return how many were taken."""
    taken = 0
    while time.monotonic() < end:
        action = random.choice(COMMANDS)
        payload = request_maker(action)(random)
        if random.random() < 0.3:
            payload["odd"] = odd_value(random)
        identity = random.choice(stations).charger.identity
        body: Any = {"action": action, "payload": payload}
        try:
            answer = await api.post(f"chargepoints/{identity}/commands", json=body)
        except (ValueError, RecursionError):  # what cannot be written as JSON at all
            continue
        assert answer.status_code in (202, 400), f"{answer.status_code} {answer.text} for {body}"
        taken += answer.status_code == 202
        await asyncio.sleep(0.005)
    return taken


@pytest.mark.slow
async def test_whatever_is_said(
    *, seed: int, gateway: Gateway, fiona: Operator, mqtt: Capture, api: httpx.AsyncClient
) -> None:
    tags = [fiona.issues(f"FZ{seed}-{number}"[:20], max_active=None) for number in range(8)]
    random, end = Random(seed), time.monotonic() + SECONDS
    stations = [FuzzStation(gateway.url, fiona.installs(), tags, Random(seed + n)) for n in range(STATIONS)]
    asking = asyncio.create_task(ask_anything(api, stations, random, end))
    await asyncio.gather(*(one.run(end) for one in stations))
    answered = sum(sent.outcome is Outcome.ANSWERED for one in stations for sent in one.ledger.sent)
    assert await asking > 0
    assert answered > SECONDS * 20
    differences = [line for one in stations for line in (*unanswered(one), *not_stored(one, fiona))]
    differences += twice_commanded(stations) + reused_transactions(stations, fiona)
    assert not differences, "\n".join(differences[:20])
    for one in stations:
        await announced(one, mqtt)
    log = gateway.process.log.read_text(errors="replace")
    assert not [secret for secret in (*tags, *(one.charger.key for one in stations)) if secret in log]


async def announced(station: FuzzStation, mqtt: Capture) -> None:
    """I3: every start that was acknowledged is told of, in order."""
    started = {sent.answer["transactionId"] for sent in station.ledger.answered("StartTransaction")}

    def told(events: list[Event]) -> bool:
        return started <= {event.data["transaction_id"] for event in events if event.type == "session.started"}

    await mqtt.until(station.charger.identity, told, f"session.started of {started}")
    mqtt.assert_in_order(station.charger.identity)


def unanswered(station: FuzzStation) -> Iterator[str]:
    """I1: every CALL has got exactly one answer, or its socket closed."""
    name = station.charger.identity
    for sent in station.ledger.unanswered():
        yield f"{name}: {sent.action} {sent.message_id} got no answer"
    for frame in station.ledger.strays:
        yield f"{name}: an answer to nothing: {frame}"
    for sent in station.ledger.sent:
        if sent.outcome is Outcome.REFUSED and sent.answer[0] in ("InternalError", "GenericError"):
            yield f"{name}: {sent.answer} for {sent.action} {sent.payload}"


def not_stored(station: FuzzStation, operator: Operator) -> Iterator[str]:
    """I2: what was acknowledged of transactions is in MongoDB."""
    identity = station.charger.identity
    sessions = operator.sessions(identity)
    by_transaction = {one["transaction_id"]: one for one in sessions}
    orphans = {flag for one in sessions for flag in one["quality"] if flag.startswith("transaction:")}
    moments = {one["timestamp"] for one in operator.meter_values(identity)}
    for sent in station.ledger.sent:
        if sent.outcome is not Outcome.ANSWERED or sent.action not in TRANSACTION_MESSAGES:
            continue
        if sent.action == "StartTransaction" and sent.answer["transactionId"] not in by_transaction:
            yield f"{identity}: {sent.payload} was answered {sent.answer} and is not stored"
        if sent.action == "StopTransaction" and not _stopped(sent, by_transaction, orphans):
            yield f"{identity}: {sent.payload} was answered and is not stored"
        if sent.action == "MeterValues":
            for value in sent.payload["meterValue"]:
                if parse_time(value["timestamp"]) not in moments:
                    yield f"{identity}: the reading of {value['timestamp']} is not stored"


def _stopped(sent: Sent, by_transaction: dict[Any, Any], orphans: set[str]) -> bool:
    number = sent.payload["transactionId"]
    session = by_transaction.get(number)
    return (session is not None and session["status"] == "completed") or f"transaction:{number}" in orphans


def twice_commanded(stations: list[FuzzStation]) -> list[str]:
    """I5: no command was given twice."""
    return [f"command {one} came {n} times" for station in stations for one, n in station.commands.items() if n > 1]


def reused_transactions(stations: list[FuzzStation], operator: Operator) -> list[str]:
    """I6: a transaction id belongs to one session, and each real start has one session."""
    found = []
    seen: dict[int, tuple[Any, ...]] = {}
    for station in stations:
        for sent in station.ledger.answered("StartTransaction"):
            payload = sent.payload
            start = (
                station.charger.identity,
                payload["connectorId"],
                payload["idTag"].lower(),
                payload["meterStart"],
                parse_time(payload["timestamp"]),
            )
            number = sent.answer["transactionId"]
            if seen.setdefault(number, start) != start:
                found.append(f"transaction {number} is of {seen[number]} and of {start}")
    return found
