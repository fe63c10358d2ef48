"""Every command of OCPP 1.6 through its own address, in words of no version: what the station sees of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ocpp_gateway.commands import VERBS
from ocpp_gateway.protocol.versions import OcppVersion
from tests.instances.light_station import LightStation

LATER = "2035-05-01T12:00:00Z"
PROFILE = {
    "id": 7,
    "stack_level": 2,
    "purpose": "tx",
    "kind": "relative",
    "transaction_id": 12,
    "schedule": {"unit": "A", "duration": 3600, "periods": [{"start": 0, "limit": 16, "phases": 3}]},
}
PROFILE_V16 = {
    "chargingProfileId": 7,
    "stackLevel": 2,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Relative",
    "transactionId": 12,
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "duration": 3600,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}],
    },
}
REMOTE_PROFILE = {name: value for name, value in PROFILE.items() if name != "transaction_id"}
REMOTE_PROFILE_V16 = {name: value for name, value in PROFILE_V16.items() if name != "transactionId"}

# Verb, body, action and payload on the wire: the 19 of the Core and the profiles of OCPP 1.6.
CALLS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "change-availability",
        {"operative": False, "evse_id": 1},
        "ChangeAvailability",
        {"connectorId": 1, "type": "Inoperative"},
    ),
    (
        "change-configuration",
        {"key": "HeartbeatInterval", "value": "600"},
        "ChangeConfiguration",
        {"key": "HeartbeatInterval", "value": "600"},
    ),
    ("clear-cache", {}, "ClearCache", {}),
    (
        "data-transfer",
        {"vendor_id": "Acme", "message_id": "m", "data": " x "},
        "DataTransfer",
        {"vendorId": "Acme", "messageId": "m", "data": " x "},
    ),
    ("get-configuration", {"keys": ["HeartbeatInterval"]}, "GetConfiguration", {"key": ["HeartbeatInterval"]}),
    (
        "remote-start",
        {"id_tag": "TAG1", "evse_id": 1, "profile": REMOTE_PROFILE},
        "RemoteStartTransaction",
        {"idTag": "TAG1", "connectorId": 1, "chargingProfile": REMOTE_PROFILE_V16},
    ),
    ("remote-stop", {"transaction_id": 12}, "RemoteStopTransaction", {"transactionId": 12}),
    ("reset", {"type": "hard"}, "Reset", {"type": "Hard"}),
    ("unlock", {"evse_id": 2}, "UnlockConnector", {"connectorId": 2}),
    (
        "get-diagnostics",
        {"location": "ftp://example.com/logs", "start_time": "2026-01-01T00:00:00Z", "retries": 2},
        "GetDiagnostics",
        {"location": "ftp://example.com/logs", "startTime": "2026-01-01T00:00:00.000Z", "retries": 2},
    ),
    (
        "update-firmware",
        {"location": "https://example.com/fw.bin", "retrieve_at": LATER, "retry_interval": 60},
        "UpdateFirmware",
        {"location": "https://example.com/fw.bin", "retrieveDate": "2035-05-01T12:00:00.000Z", "retryInterval": 60},
    ),
    ("get-local-list-version", {}, "GetLocalListVersion", {}),
    (
        "send-local-list",
        {"version": 4, "full": False, "tokens": [{"id_tag": "A", "status": "accepted"}, {"id_tag": "B"}]},
        "SendLocalList",
        {
            "listVersion": 4,
            "updateType": "Differential",
            "localAuthorizationList": [{"idTag": "A", "idTagInfo": {"status": "Accepted"}}, {"idTag": "B"}],
        },
    ),
    (
        "reserve",
        {"reservation_id": 5, "evse_id": 1, "id_tag": "TAG1", "expires_at": LATER},
        "ReserveNow",
        {"reservationId": 5, "connectorId": 1, "idTag": "TAG1", "expiryDate": "2035-05-01T12:00:00.000Z"},
    ),
    ("cancel-reservation", {"reservation_id": 5}, "CancelReservation", {"reservationId": 5}),
    (
        "set-charging-profile",
        {"evse_id": 1, "profile": PROFILE},
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": PROFILE_V16},
    ),
    (
        "clear-charging-profile",
        {"evse_id": 1, "purpose": "tx_default", "stack_level": 3},
        "ClearChargingProfile",
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 3},
    ),
    (
        "get-composite-schedule",
        {"evse_id": 1, "duration": 600, "unit": "W"},
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 600, "chargingRateUnit": "W"},
    ),
    (
        "trigger",
        {"message": "meter_values", "evse_id": 1},
        "TriggerMessage",
        {"requestedMessage": "MeterValues", "connectorId": 1},
    ),
]


@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
async def test_a_verb(
    station: LightStation, other_api: httpx.AsyncClient, call: tuple[str, dict[str, Any], str, dict[str, Any]]
) -> None:
    verb, body, action, payload = call
    answer = await other_api.post(f"/chargepoints/{station.id}/{verb}?wait=30", json=body)
    assert answer.status_code == 200, answer.text
    command = answer.json()
    assert (command["state"], command["action"], command["error"]) == ("accepted", action, None)
    [asked] = [one for one in station.line.asked if one.message_id == command["id"]]
    assert (asked.action, asked.payload) == (action, payload)
    generic = await other_api.post(
        f"/chargepoints/{station.id}/commands?wait=30", json={"action": action, "payload": payload}
    )
    assert generic.status_code == 200, generic.text
    assert (generic.json()["state"], generic.json()["payload"]) == ("accepted", command["payload"])


def test_every_verb_of_ocpp_16_and_its_profiles_is_here() -> None:
    extensions = {"ExtendedTriggerMessage", "GetLog", "SignedUpdateFirmware"}
    certificates = {"CertificateSigned", "InstallCertificate", "DeleteCertificate", "GetInstalledCertificateIds"}
    actions = {verb.actions[OcppVersion.V16] for verb in VERBS.values() if OcppVersion.V16 in verb.actions}
    assert {call[2] for call in CALLS} == actions - extensions - certificates
    assert len(CALLS) == 19
    assert {VERBS[call[0]].actions[OcppVersion.V16] for call in CALLS} == {call[2] for call in CALLS}


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("reset", {"type": "gently"}),
        ("unlock", {}),
        ("unlock", {"evse_id": 0}),
        ("remote-start", {"id_tag": "T" * 21}),
        ("change-availability", {"evse_id": 1}),
        ("set-charging-profile", {"evse_id": 1, "profile": {**PROFILE, "schedule": {"unit": "A", "periods": []}}}),
        ("get-composite-schedule", {"evse_id": 1, "duration": 0}),
        ("update-firmware", {"location": "https://example.com/fw.bin", "retrieve_at": "soon"}),
    ],
)
async def test_parameters_that_are_wrong(
    station: LightStation, api: httpx.AsyncClient, verb: str, body: dict[str, Any]
) -> None:
    answer = await api.post(f"/chargepoints/{station.id}/{verb}", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"]
    assert station.line.asked == []
