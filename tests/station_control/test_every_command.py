"""Every command of OCPP 1.6: its frame, what is invalid, its end in database and events, and the same answer twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocpp_gateway.commands import VERBS
from ocpp_gateway.protocol.schemas import validate_request
from ocpp_gateway.protocol.versions import OcppVersion
from tests.mqtt_capture import Capture
from tests.people import Operator
from tests.rest_client import Rest
from tests.station import CALL_RESULT, Asked, Station

LATER = "2035-05-01T12:00:00Z"
PROFILE = {"id": 7, "purpose": "tx_default", "schedule": {"unit": "A", "periods": [{"start": 0, "limit": 16}]}}
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
FIRMWARE = {"location": "https://example.com/fw.bin", "retrieve_at": LATER}
HASH = {"hash_algorithm": "SHA256", "issuer_name_hash": "a", "issuer_key_hash": "b", "serial_number": "1"}
WIRE_HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
ACCEPTED = {"status": "Accepted"}
# What is asked for, and the answer of a station that does it.
COMMANDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cancel-reservation": ({"reservation_id": 77}, ACCEPTED),
    "certificate-signed": ({"chain": CERTIFICATE}, ACCEPTED),
    "change-availability": ({"operative": False, "evse_id": 1}, ACCEPTED),
    "change-configuration": ({"key": "HeartbeatInterval", "value": "60"}, ACCEPTED),
    "clear-cache": ({}, ACCEPTED),
    "clear-charging-profile": ({"id": 7}, ACCEPTED),
    "data-transfer": ({"vendor_id": "Acme"}, ACCEPTED),
    "delete-certificate": (HASH, ACCEPTED),
    "extended-trigger": ({"message": "log_status"}, ACCEPTED),
    "get-composite-schedule": ({"evse_id": 1, "duration": 600}, ACCEPTED),
    "get-configuration": ({"keys": ["HeartbeatInterval"]}, {"unknownKey": ["HeartbeatInterval"]}),
    "get-diagnostics": ({}, {"fileName": "d.zip"}),
    "get-installed-certificate-ids": (
        {"use": "manufacturer"},
        {"status": "Accepted", "certificateHashData": [WIRE_HASH]},
    ),
    "get-local-list-version": ({}, {"listVersion": 3}),
    "get-log": ({"kind": "security"}, {"status": "Accepted", "filename": "s.log"}),
    "install-certificate": ({"use": "manufacturer", "certificate": CERTIFICATE}, ACCEPTED),
    "remote-start": ({"id_tag": "TAG1", "evse_id": 1}, ACCEPTED),
    "remote-stop": ({"transaction_id": 1}, ACCEPTED),
    "reserve": ({"reservation_id": 77, "evse_id": 1, "id_tag": "TAG1", "expires_at": LATER}, ACCEPTED),
    "reset": ({"type": "soft"}, ACCEPTED),
    "send-local-list": ({"version": 1, "tokens": [{"id_tag": "A", "status": "accepted"}]}, ACCEPTED),
    "set-charging-profile": ({"evse_id": 1, "profile": PROFILE}, ACCEPTED),
    "signed-update-firmware": ({**FIRMWARE, "signing_certificate": CERTIFICATE, "signature": "c2ln"}, ACCEPTED),
    "trigger": ({"message": "status"}, ACCEPTED),
    "unlock": ({"evse_id": 1}, {"status": "Unlocked"}),
    "update-firmware": (FIRMWARE, {}),
}
VERB = pytest.mark.parametrize("verb", sorted(COMMANDS))


def action_of(verb: str) -> str:
    return VERBS[verb].actions[OcppVersion.V16]


async def ask(rest: Rest, station: Station, verb: str) -> tuple[Any, Asked]:
    """Ask for a command; return the task that waits for its end, and what the station is asked."""
    asking = rest.asking(station.identity, verb, COMMANDS[verb][0])
    return asking, await station.expect(action_of(verb))


def test_none_is_left_out() -> None:
    assert COMMANDS.keys() == {name for name, verb in VERBS.items() if OcppVersion.V16 in verb.actions}


@VERB
async def test_valid(station: Station, rest: Rest, verb: str) -> None:
    asking, asked = await ask(rest, station, verb)
    validate_request(OcppVersion.V16, action_of(verb), asked.payload)
    await station.reply(asked, COMMANDS[verb][1])
    command = await asking
    assert (command["state"], command["response"], command["error"]) == ("accepted", COMMANDS[verb][1], None)


@VERB
async def test_invalid(station: Station, rest: Rest, verb: str) -> None:
    """A payload that breaks the schema is not sent, nor what is misspelt; an answer that breaks it is none."""
    misspelt = COMMANDS[verb][0] | {"evse": 1}
    problem = await rest.post(f"chargepoints/{station.identity}/{verb}", misspelt, status=400)
    assert "no such field" in problem["errors"]["evse"][0]
    wrong = {"action": action_of(verb), "payload": {"nonsense": 1}}
    problem = await rest.post(f"chargepoints/{station.identity}/commands", wrong, status=400)
    assert problem["errors"]
    asking, asked = await ask(rest, station, verb)  # the first that comes
    await station.reply(asked, {"nonsense": 1})
    command = await asking
    assert (command["state"], command["error"]["code"]) == ("failed", "InvalidAnswer")


@VERB
async def test_what_becomes_of_it(*, station: Station, anna: Operator, rest: Rest, mqtt: Capture, verb: str) -> None:
    asking, asked = await ask(rest, station, verb)
    await station.refuse(asked, "InternalError", "out of order")
    command = await asking
    error = {"code": "InternalError", "description": "out of order"}
    stored = anna.db["commands"].find_one({"_id": command["id"]})
    assert stored is not None
    assert (stored["action"], stored["state"], stored["error"]) == (action_of(verb), "failed", error)
    for kind in ("queued", "sent", "failed"):
        event = await mqtt.assert_event(station.identity, f"command.{kind}", command_id=command["id"])
    assert (event.data["action"], event.data["error"]) == (action_of(verb), error)
    assert event.topic.endswith("/command")


@VERB
async def test_the_same_answer_twice(*, station: Station, anna: Operator, rest: Rest, mqtt: Capture, verb: str) -> None:
    """The second one, whatever it says, is to no question."""
    asking, asked = await ask(rest, station, verb)
    await station.reply(asked, COMMANDS[verb][1])
    command = await asking
    await station.send(json.dumps([CALL_RESULT, asked.message_id, {"status": "Rejected"}]))
    await station.assert_replied("Heartbeat")
    assert await rest.get(f"commands/{command['id']}") == command
    await mqtt.assert_event(station.identity, "command.accepted", command_id=command["id"])
    kinds = [event.type for event in mqtt.of(station.identity) if event.data.get("command_id") == command["id"]]
    assert kinds == ["command.queued", "command.sent", "command.accepted"]
