"""Local authorization lists (OCPP 1.6 §5.10, §5.15) in their six cases, sent as commands.

How lists are kept up to date without a command is in tests/gateway/v16/test_local_list.py.
"""

from __future__ import annotations

import pytest

from tests.scenarios.scene import Scene


async def send(scene: Scene, answer: str, *, full: bool = True, version: int = 1) -> str:
    """Send a list of one tag, check what the station is sent, and return the command's state."""
    tag = "LL" + scene.identity[-10:].replace("_", "")
    body = {"version": version, "full": full, "tokens": [{"id_tag": tag, "status": "accepted"}]}
    sent, command = await scene.ask("send-local-list", body, "SendLocalList", {"status": answer})
    assert sent == {
        "listVersion": version,
        "updateType": "Full" if full else "Differential",
        "localAuthorizationList": [{"idTag": tag, "idTagInfo": {"status": "Accepted"}}],
    }
    assert command["response"] == {"status": answer}
    return str(command["state"])


@pytest.mark.parametrize("version", [-1, 0], ids=["not supported", "empty"])
async def test_the_version_of_no_list(scene: Scene, version: int) -> None:
    body = {"listVersion": version}
    sent, command = await scene.ask("get-local-list-version", {}, "GetLocalListVersion", body)
    assert (sent, command["response"]) == ({}, body)


async def test_a_list_is_not_supported(scene: Scene) -> None:
    assert await send(scene, "NotSupported") == "rejected"


async def test_a_list_fails(scene: Scene) -> None:
    assert await send(scene, "Failed") == "rejected"


async def test_a_full_list_and_its_version(scene: Scene) -> None:
    assert await send(scene, "Accepted", version=7) == "accepted"
    _, command = await scene.ask("get-local-list-version", {}, "GetLocalListVersion", {"listVersion": 7})
    assert command["response"] == {"listVersion": 7}


async def test_a_differential_list(scene: Scene) -> None:
    assert await send(scene, "Accepted", version=1) == "accepted"
    assert await send(scene, "Accepted", full=False, version=2) == "accepted"


async def test_versions_that_do_not_fit(scene: Scene) -> None:
    assert await send(scene, "Accepted", version=5) == "accepted"
    assert await send(scene, "VersionMismatch", full=False, version=4) == "rejected"
