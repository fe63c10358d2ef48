"""An event that is sent again reaches the subscribers at once: the publisher is told of it."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

import orjson

from events.undelivered import UNDELIVERED
from tests.gateway.rest_caller import rest_of
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway


def set_aside(operator: Operator, charger: Installed) -> str:
    """Return the id of an event that the broker is said to have refused."""
    event_id, now = secrets.token_hex(16), datetime.now(UTC)
    payload = {"event_id": event_id, "event_type": "session.started", "charge_point_id": charger.identity}
    operator.db[UNDELIVERED].insert_one(
        {
            "_id": event_id,
            "type": "session.started",
            "station": charger.identity,
            "sequence": 1,
            "topic": f"ocpp/events/{charger.tenant}/{charger.identity}/session",
            "payload": orjson.dumps({**payload, "tenant_id": charger.tenant, "sequence": 1, "data": {}}),
            "retain": False,
            "reason": "Not authorized",
            "tries": 3,
            "stored_at": now,
            "set_aside_at": now,
        }
    )
    return event_id


async def test_it_is_sent_within_a_second(gateway: Gateway, anna: Operator, charger: Installed, mqtt: Capture) -> None:
    """Three times on end: a look around of the publisher, once in five seconds, finds one of them by chance."""
    rest = rest_of(anna, gateway)
    for number in (1, 2, 3):
        event_id = set_aside(anna, charger)
        asked = time.monotonic()
        assert await rest.post("undelivered-events/send-again", {"ids": [event_id]}, status=200) == {"count": 1}
        event = await mqtt.assert_event(charger.identity, "session.started", number)
        assert event.payload["event_id"] == event_id
        assert time.monotonic() - asked < 1.0
