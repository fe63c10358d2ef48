"""Security events of stations, as an operator sees them."""

from __future__ import annotations

from tests.people import Operator
from tests.rest_client import Rest, token_for
from tests.serving import Gateway
from tests.station import Station


async def test_events_are_listed_newest_first_and_only_to_their_tenant(
    station: Station, rest: Rest, gateway: Gateway, boris: Operator
) -> None:
    for kind in ("InvalidFirmwareSignature", "InvalidCentralSystemCertificate", "InvalidFirmwareSignature"):
        report = {"type": kind, "timestamp": "2026-05-01T10:00:00Z", "techInfo": kind.lower()}
        await station.assert_replied("SecurityEventNotification", report, {})
    listed = await rest.get("security-events", charge_point_id=station.identity)
    assert [one["type"] for one in listed["results"]] == ["InvalidCentralSystemCertificate", "InvalidFirmwareSignature"]
    assert listed["results"][0]["tech_info"] == "invalidcentralsystemcertificate"
    one = await rest.get("security-events", charge_point_id=station.identity, type="InvalidFirmwareSignature")
    assert len(one["results"]) == 1
    async with Rest(gateway.url.replace("ws", "http"), token_for(boris)) as other:
        assert (await other.get("security-events", charge_point_id=station.identity))["results"] == []
