"""The local list of a simulated station: versions, portions, and what it decides while offline."""

from __future__ import annotations

from typing import Any

from ocpp.v16 import call

from ocpp_gateway.simulator.station import Station
from tests.simulator.central import Central


def entry(tag: str, status: str | None = "Accepted") -> dict[str, Any]:
    return {"id_tag": tag} | ({"id_tag_info": {"status": status}} if status else {})


async def send(central: Central, version: int, kind: Any, *entries: dict[str, Any]) -> str:
    request = call.SendLocalList(list_version=version, update_type=kind, local_authorization_list=list(entries))
    return str((await central.ask(request)).status)


async def version(central: Central) -> int:
    return int((await central.ask(call.GetLocalListVersion())).list_version)


async def test_a_list_grows_and_shrinks(central: Central, online: Station) -> None:
    assert await version(central) == 0
    assert await send(central, 1, "Full", entry("Ada"), entry("BOB", "Blocked")) == "Accepted"
    assert (online.local_list.allows("ADA"), online.local_list.allows("bob")) == (True, False)
    assert await send(central, 2, "Differential", entry("Ada", None), entry("Cy")) == "Accepted"
    assert (online.local_list.allows("Ada"), online.local_list.allows("Cy")) == (None, True)
    assert await version(central) == 2
    assert await send(central, 2, "Differential", entry("Dee")) == "VersionMismatch"
    assert await send(central, 1, "Full") == "Accepted"
    assert online.local_list.allows("Cy") is None


async def test_a_portion_that_is_too_long_fails(central: Central, online: Station) -> None:
    assert await send(central, 1, "Full", *(entry(f"T{n}") for n in range(101))) == "Failed"
    assert await version(central) == 0


async def test_without_lists_there_is_no_version(central: Central, online: Station) -> None:
    change: Any = call.ChangeConfiguration(key="LocalAuthListEnabled", value="false")
    assert (await central.ask(change)).status == "Accepted"
    assert await version(central) == -1
    assert await send(central, 1, "Full") == "NotSupported"


async def test_a_listed_tag_starts_without_being_asked_for(central: Central, online: Station) -> None:
    await send(central, 1, "Full", entry("TAG1"))
    change: Any = call.ChangeConfiguration(key="LocalPreAuthorize", value="true")
    await central.ask(change)
    await central.ask(call.RemoteStartTransaction(id_tag="TAG1", connector_id=1))
    await central.until(lambda: central.of("StartTransaction"))
    assert central.of("Authorize") == []
