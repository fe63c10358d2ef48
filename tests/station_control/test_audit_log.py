"""Commands to stations in the audit log: with whoever asked for them, in the transaction that stores them."""

from __future__ import annotations

from typing import Any

from tenants.api_keys import create_key
from tests.people import Installed, Operator, with_orm
from tests.rest_client import Rest
from tests.serving import Gateway
from tests.station import Station


async def _commands(rest: Rest, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await rest.get("audit-log", action="command", **query))["results"]
    return found


async def test_a_command_is_there_with_its_payload_and_without_tags(rest: Rest, charger: Installed) -> None:
    sent = await rest.post(
        f"chargepoints/{charger.identity}/commands",
        {"action": "RemoteStartTransaction", "payload": {"idTag": "SECRETTAG77", "connectorId": 1}},
    )

    entry = (await _commands(rest))[0]

    assert (entry["target_type"], entry["target_id"]) == ("commands", sent["id"])
    assert (entry["actor"], entry["role"]) == (sent["requested_by"], "admin")
    assert (entry["actor_kind"], entry["via"], entry["address"]) == ("user", "rest", "127.0.0.1")
    assert entry["changes"]["charge_point_id"] == {"after": charger.identity}
    assert entry["changes"]["payload"] == {"after": {"idTag": "***G77", "connectorId": 1}}


async def test_a_verb_is_there_once_and_so_is_its_cancellation(rest: Rest, charger: Installed) -> None:
    sent = await rest.post(f"chargepoints/{charger.identity}/reset", {"type": "soft"})
    await rest.post(f"commands/{sent['id']}/cancel")

    found = (await rest.get("audit-log", target_id=sent["id"]))["results"]

    assert [entry["action"] for entry in found] == ["cancel", "command"]


async def test_what_the_product_asks_by_itself_is_its_own(rest: Rest, station: Station, charger: Installed) -> None:
    """After a boot the settings are read, unbidden."""
    await station.boot()
    asked = await station.expect("GetConfiguration")

    entry = next(e for e in await _commands(rest) if e["changes"]["charge_point_id"]["after"] == charger.identity)

    assert entry["target_id"] == asked.message_id
    assert (entry["actor_kind"], entry["actor"], entry["via"]) == ("system", "system", "system")
    assert entry["changes"]["action"] == {"after": "GetConfiguration"}


async def test_a_programs_command_is_its_own(gateway: Gateway, rest: Rest, charger: Installed, anna: Operator) -> None:
    key = with_orm(lambda: create_key(anna.slug, created_by="anna", name="roaming", role="operator"))
    async with Rest(gateway.url.replace("ws", "http"), key.text) as program:
        sent = await program.post(f"chargepoints/{charger.identity}/unlock", {"evse_id": 1})

    (entry,) = await _commands(rest, actor="key:roaming", target_id=sent["id"])

    assert sent["requested_by"] == "key:roaming"
    assert (entry["actor_kind"], entry["actor_id"], entry["role"]) == ("api_key", key.key.pk, "operator")
