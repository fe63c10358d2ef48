"""Who may charge, as the central system sees the official test cases (OCPP 1.6 §3.4, §3.5, §5.11).

Identification before and after the plug, a cached tag, groups, and tags that may not charge; tokens over REST.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.commanded import notify
from tests.gateway.conftest import Connect
from tests.gateway.rest_caller import RestCaller, path_of, rest_of
from tests.gateway.v16.charging import ago, start, stop
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import Station


@pytest.fixture
def rest(anna: Operator, gateway: Gateway) -> RestCaller:
    return rest_of(anna, gateway, "admin")


async def token(rest: RestCaller, tag: str, **fields: Any) -> str:
    """Create a token over REST and return its tag."""
    await rest.post("id-tokens", {"id_tag": tag, **fields}, status=201)
    return tag


def tag_of(charger: Installed, name: str) -> str:
    """Return a tag that no other test has."""
    return f"{name}{charger.identity[-14:]}".replace("_", "")[:20]


async def test_identification_first(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture, anna: Operator
) -> None:
    tag = await token(rest, tag_of(charger, "IF"))
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": {"status": "Accepted"}})
    await notify(station, "Preparing")
    started = await station.assert_replied("StartTransaction", start(tag))
    await notify(station, "Charging")
    answer = await station.assert_replied("StopTransaction", stop(started["transactionId"], idTag=tag))
    assert answer == {"idTagInfo": {"status": "Accepted"}}
    await notify(station, "Finishing")
    await notify(station, "Available")
    session = anna.only_session(charger.identity)
    assert (session["status"], session["authorization"], session["energy_wh"]) == ("completed", "accepted", 5000)
    await mqtt.assert_event(charger.identity, "connector.status_changed", status="available")
    types = [event.type for event in mqtt.of(charger.identity) if event.type.startswith("session.")]
    assert types == ["session.authorized", "session.started", "session.stopped"]


async def test_identification_first_and_nobody_plugs_in(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture, anna: Operator
) -> None:
    """The connection time-out passes at the station; all that is seen here is that it is available again."""
    tag = await token(rest, tag_of(charger, "TO"))
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": {"status": "Accepted"}})
    await notify(station, "Preparing")
    await notify(station, "Available")
    await mqtt.assert_event(charger.identity, "connector.status_changed", status="available")
    assert anna.sessions(charger.identity) == []
    assert mqtt.of(charger.identity, "session.started") == []
    # The tag is as free as before.
    started = await station.assert_replied("StartTransaction", start(tag))
    assert started["idTagInfo"]["status"] == "Accepted"


async def test_plugged_in_first_and_nobody_identifies(
    station: Station, charger: Installed, mqtt: Capture, anna: Operator
) -> None:
    await notify(station, "Preparing")
    await notify(station, "Available", info="nobody presented a tag")
    await mqtt.assert_event(charger.identity, "connector.status_changed", status="available")
    assert anna.sessions(charger.identity) == []
    assert anna.connectors(charger.identity)[0]["status"] == "available"


async def test_a_cached_tag_starts_without_being_asked_and_is_checked_then(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture, anna: Operator
) -> None:
    tag = await token(rest, tag_of(charger, "CA"))
    started = await station.assert_replied("StartTransaction", start(tag))
    assert started["idTagInfo"] == {"status": "Accepted"}
    await station.assert_replied("StopTransaction", stop(started["transactionId"], idTag=tag))
    # It is blocked while the station still has it in its cache: the start is kept, the verdict goes back.
    await rest.patch(path_of("id-tokens", tag), {"status": "blocked"})
    started = await station.assert_replied("StartTransaction", start(tag, meterStart=6000))
    assert started["idTagInfo"] == {"status": "Blocked"}
    await mqtt.assert_event(charger.identity, "session.started", authorization="blocked")
    answer = await station.assert_replied(
        "StopTransaction", stop(started["transactionId"], meterStop=6000, reason="DeAuthorized")
    )
    assert answer == {}
    refused = anna.sessions(charger.identity)[-1]
    assert (refused["authorization"], refused["stop_reason"], refused["energy_wh"]) == ("blocked", "deauthorized", 0)


@pytest.mark.parametrize(
    "fields, word",
    [
        (None, "Invalid"),
        ({"status": "invalid"}, "Invalid"),
        ({"status": "blocked"}, "Blocked"),
        ({"status": "expired"}, "Expired"),
        ({"expires_at": "2026-01-02T03:04:05Z"}, "Expired"),
    ],
)
async def test_who_may_not_charge(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture, *, fields: Any, word: str
) -> None:
    tag = tag_of(charger, "NO")
    if fields is not None:
        await token(rest, tag, parent_id_tag="FLEET", **fields)
    expected = {"status": word} | ({"parentIdTag": "FLEET"} if fields is not None else {})
    if fields and "expires_at" in fields:
        expected["expiryDate"] = "2026-01-02T03:04:05.000Z"
    await station.assert_replied("Authorize", {"idTag": tag}, {"idTagInfo": expected})
    await mqtt.assert_event(charger.identity, "session.authorized", status=word.lower())
    started = await station.assert_replied("StartTransaction", start(tag))
    assert (started["transactionId"] > 0, started["idTagInfo"]) == (True, expected), "never without an id"
    await mqtt.assert_event(charger.identity, "session.started", authorization=word.lower())
    stopped = await station.assert_replied("StopTransaction", stop(started["transactionId"], idTag=tag))
    assert stopped["idTagInfo"] == expected


async def test_a_tag_charges_as_often_at_once_as_it_may(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture, connect: Connect, *, anna: Operator
) -> None:
    tag = await token(rest, tag_of(charger, "CO"), max_active=2, parent_id_tag="FLEET")
    other = await connect(anna.installs())
    first = await station.assert_replied("StartTransaction", start(tag))
    second = await other.assert_replied("StartTransaction", start(tag.lower()))
    third = await station.assert_replied("StartTransaction", start(tag, connectorId=2))
    statuses = [answer["idTagInfo"]["status"] for answer in (first, second, third)]
    assert statuses == ["Accepted", "Accepted", "ConcurrentTx"]
    assert third["idTagInfo"]["parentIdTag"] == "FLEET"
    await mqtt.assert_event(charger.identity, "session.started", authorization="concurrent")
    # Presenting it is no crime: that is how its session is stopped.
    answer = await station.assert_replied("Authorize", {"idTag": tag})
    assert answer["idTagInfo"]["status"] == "Accepted"
    await station.assert_replied("StopTransaction", stop(third["transactionId"], reason="DeAuthorized"))
    await other.assert_replied("StopTransaction", stop(second["transactionId"]))
    again = await station.assert_replied("StartTransaction", start(tag, connectorId=2, timestamp=ago(seconds=2)))
    assert again["idTagInfo"]["status"] == "Accepted"
    await rest.patch(path_of("id-tokens", tag), {"max_active": None})
    more = await other.assert_replied("StartTransaction", start(tag, timestamp=ago(seconds=2)))
    assert more["idTagInfo"]["status"] == "Accepted"


async def test_a_member_of_the_group_stops_the_session_of_another(
    station: Station, charger: Installed, rest: RestCaller, mqtt: Capture, anna: Operator
) -> None:
    owner = await token(rest, tag_of(charger, "G1"), parent_id_tag="Family")
    member = await token(rest, tag_of(charger, "G2"), parent_id_tag="Family")
    started = await station.assert_replied("StartTransaction", start(owner))
    assert started["idTagInfo"]["parentIdTag"] == "Family"
    # The station compares the parents, which it has from both answers.
    await station.assert_replied(
        "Authorize", {"idTag": member}, {"idTagInfo": {"status": "Accepted", "parentIdTag": "Family"}}
    )
    answer = await station.assert_replied("StopTransaction", stop(started["transactionId"], idTag=member))
    assert answer == {"idTagInfo": {"status": "Accepted", "parentIdTag": "Family"}}
    event = await mqtt.assert_event(charger.identity, "session.stopped")
    assert (event.data["id_tag"], event.data["stop_id_tag"]) == (owner, member)
    session = anna.only_session(charger.identity)
    assert (session["status"], session["stop_id_tag"]) == ("completed", member)


async def test_a_strangers_tag_at_the_stop_is_reported_and_refuses_nothing(
    station: Station, charger: Installed, rest: RestCaller, anna: Operator
) -> None:
    tag = await token(rest, tag_of(charger, "ST"))
    started = await station.assert_replied("StartTransaction", start(tag))
    answer = await station.assert_replied("StopTransaction", stop(started["transactionId"], idTag="stranger"))
    assert answer == {"idTagInfo": {"status": "Invalid"}}
    assert anna.only_session(charger.identity)["status"] == "completed"
