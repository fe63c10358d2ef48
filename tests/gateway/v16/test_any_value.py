"""Whatever a field holds: one answer with its id, never an internal error, and the socket lives.

Every run tries other values; `ODD_SEED=<number>` repeats one.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections import Counter
from random import Random

import pytest

from tests.gateway.conftest import Connect
from tests.gateway.v16.odd_values import VALID, frame, odd_payload
from tests.people import Operator
from tests.station import Station

SECONDS = float(os.environ.get("ODD_SECONDS", "5"))
STATIONS = 4
TOGETHER = 8  # frames on their way at the same time


@pytest.fixture(params=[int(os.environ.get("ODD_SEED") or secrets.randbelow(10**9))], ids="ODD_SEED={}".format)
def seed(request: pytest.FixtureRequest) -> int:
    """What a failure names, so that it can be repeated."""
    return int(request.param)


async def send_odd_frames(station: Station, random: Random, end: float) -> Counter[str]:
    """Send odd frames until `end` and check every answer; return how many were accepted, by action."""
    accepted: Counter[str] = Counter()
    count = 0
    while time.monotonic() < end:
        sent: dict[str, str] = {}
        for _ in range(TOGETHER):
            action = random.choice(list(VALID))
            message_id = f"odd-{count}-{len(sent)}"
            sent[message_id] = frame(message_id, action, odd_payload(random, action), random)
            await station.send(sent[message_id])
        for _ in range(TOGETHER):
            answer = await station.answer()
            text = sent.pop(answer.message_id, "")
            assert text or answer.message_id == "-1", f"an answer to nobody: {answer.text}"
            if answer.payload is not None:
                accepted[json.loads(text)[2]] += 1
            assert answer.code not in ("InternalError", "GenericError"), f"{answer.code} for {text}"
        # What cannot be read at all is answered with the id -1, and too much of it ends the socket.
        await station.assert_replied("Heartbeat")
        count += TOGETHER
    return accepted


async def test_any_value_in_any_field(connect: Connect, anna: Operator, seed: int) -> None:
    stations = [await connect(anna.installs()) for _ in range(STATIONS)]
    end = time.monotonic() + SECONDS
    accepted = await asyncio.gather(
        *(send_odd_frames(station, Random(seed + n), end) for n, station in enumerate(stations))
    )
    assert set(sum(accepted, Counter())) == set(VALID), "odd but valid ones were among them, of every message"
    for station in stations:
        stored = [anna.charge_point(station.identity), *anna.connectors(station.identity)]
        stored += anna.sessions(station.identity) + anna.meter_values(station.identity)
        for document in stored:
            json.dumps(document, default=str, allow_nan=False)  # nothing that JSON, and so REST, cannot say
