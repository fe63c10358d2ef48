"""Reservations (OCPP 1.6 §5.2, §5.13): made, used, refused, expired, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.scenarios.scene import Scene


async def reserve(scene: Scene, tag: str, answer: str = "Accepted", *, evse_id: int = 1, **until: int) -> Any:
    """Reserve over REST, answered by the station, and return the reservation as it is then."""
    expires = datetime.now(UTC) + timedelta(**(until or {"hours": 1}))
    body = {"charge_point_id": scene.identity, "evse_id": evse_id, "id_tag": tag, "expires_at": expires.isoformat()}
    made = await scene.rest.post("reservations", body)
    asked = await scene.station.expect("ReserveNow")
    number = made["reservation_id"]
    assert (asked.payload["connectorId"], asked.payload["reservationId"]) == (evse_id, number)
    assert asked.payload["idTag"] == tag
    await scene.station.reply(asked, {"status": answer})
    await scene.event(f"reservation.{'active' if answer == 'Accepted' else 'refused'}", reservation_id=number)
    return await stored(scene, made)


async def stored(scene: Scene, reservation: Any) -> Any:
    """Return a reservation as the API shows it, which is what is stored."""
    shown = await scene.rest.get(f"reservations/{reservation['id']}")
    kept = scene.operator.db["reservations"].find_one({"_id": reservation["id"]})
    assert kept is not None
    assert kept["state"] == shown["state"]
    return shown


async def used(scene: Scene, reservation: Any, tag: str, **changes: Any) -> None:
    """Start with the reservation, which is over then."""
    number = await scene.starts(tag, reservationId=reservation["reservation_id"], **changes)
    event = await scene.event("reservation.used", reservation_id=reservation["reservation_id"])
    session = await scene.session(number)
    assert event.payload["session_id"] == session["id"]
    assert ((await stored(scene, reservation))["state"], session["quality"]) == ("used", [])
    await scene.reports("Charging", changes.get("connectorId", 1))


async def test_reserved_and_started_at_the_station(scene: Scene) -> None:
    tag = await scene.token()
    reservation = await reserve(scene, tag)
    await scene.reports("Reserved")
    await scene.authorizes(tag)
    await scene.reports("Preparing")
    await used(scene, reservation, tag)


async def test_reserved_and_started_remotely(scene: Scene) -> None:
    tag = await scene.token()
    reservation = await reserve(scene, tag)
    await scene.reports("Reserved")
    body = {"id_tag": tag, "evse_id": 1}
    assert await scene.asked("remote-start", body, "RemoteStartTransaction", {"status": "Accepted"}) == "accepted"
    await scene.reports("Preparing")
    await used(scene, reservation, tag)


async def test_used_with_another_tag_of_the_group(scene: Scene) -> None:
    group = "P" + scene.identity[-10:].replace("_", "")
    owner, friend = await scene.token(parent_id_tag=group), await scene.token(f"F{group}", parent_id_tag=group)
    reservation = await reserve(scene, owner)
    await scene.reports("Reserved")
    assert (await scene.authorizes(friend))["parentIdTag"] == group
    await used(scene, reservation, friend)


async def test_any_connector_is_reserved(scene: Scene) -> None:
    tag = await scene.token()
    reservation = await reserve(scene, tag, evse_id=0)
    await used(scene, reservation, tag, connectorId=2)


async def test_a_reservation_expires(scene: Scene) -> None:
    reservation = await reserve(scene, await scene.token(), seconds=2)
    await scene.reports("Reserved")
    await scene.event("reservation.expired", reservation_id=reservation["reservation_id"])
    await scene.reports("Available")
    assert (await stored(scene, reservation))["state"] == "expired"


@pytest.mark.parametrize("answer", ["Faulted", "Occupied", "Unavailable", "Rejected"])
async def test_a_reservation_is_refused(scene: Scene, answer: str) -> None:
    reservation = await reserve(scene, await scene.token(), answer)
    assert (reservation["state"], reservation["answer"]) == ("refused", answer.lower())


async def test_connector_zero_cannot_be_reserved(scene: Scene) -> None:
    reservation = await reserve(scene, await scene.token(), "Rejected", evse_id=0)
    assert reservation["state"] == "refused"


@pytest.mark.parametrize(
    "answer, reason", [("Accepted", "requested"), ("Rejected", "unknown_to_station")], ids=["accepted", "rejected"]
)
async def test_a_reservation_is_cancelled(scene: Scene, answer: str, reason: str) -> None:
    reservation = await reserve(scene, await scene.token())
    await scene.reports("Reserved")
    await scene.rest.post(f"reservations/{reservation['id']}/cancel")
    sent = await scene.station.obey("CancelReservation", {"status": answer})
    assert sent == {"reservationId": reservation["reservation_id"]}
    await scene.event("reservation.cancelled", end_reason=reason)
    assert (await stored(scene, reservation))["state"] == "cancelled"
    await scene.reports("Available")
