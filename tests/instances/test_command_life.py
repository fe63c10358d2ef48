"""The life of a command: queued, sent, and one definite end; each step announced in order."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.acceptance.reconcile import assert_none, out_of_order
from tests.instances.instances import TENANT, WITHOUT_QUEUE, Cluster, command_events, executed, send
from tests.instances.light_station import Asked, LightStation

BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}


async def ask(api: httpx.AsyncClient, station: LightStation, data: str = "it", **body: Any) -> dict[str, Any]:
    """Ask a station for something without waiting, and return the command as it was taken in."""
    request = {"action": "DataTransfer", "payload": {"vendorId": "Acme", "data": data}, **body}
    answer = await api.post(f"/chargepoints/{station.id}/commands", json=request)
    assert answer.status_code == 202, answer.text
    command: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/commands/{command['id']}"
    return command


async def read(api: httpx.AsyncClient, command: dict[str, Any]) -> dict[str, Any]:
    """Return a command as the API shows it now."""
    answer = await api.get(f"/commands/{command['id']}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def announced(cluster: Cluster, capture: MqttCapture, station: LightStation) -> list[tuple[str, str]]:
    """Return the events about a station's commands, when all are published and their sequence rises."""
    wait_until_published(cluster.product.database(TENANT))
    history = capture.everything()
    assert_none(out_of_order(station.id, history.of_station(station.id)))
    return command_events(history, station)


async def test_a_command_of_a_connected_station_shows_its_way(
    cluster: Cluster, api: httpx.AsyncClient, station: LightStation, capture: MqttCapture
) -> None:
    answer = await send(api, station, "it")
    assert answer.status_code == 200
    command = answer.json()
    assert answer.headers["location"] == f"/api/v1/commands/{command['id']}"
    assert "x-waits-for" not in answer.headers
    assert command["state"] == "accepted"
    assert command["response"] == {"status": "Accepted"}
    assert (command["action"], command["payload"]) == ("DataTransfer", {"vendorId": "Acme", "data": "it"})
    assert command["requested_by"] == "tenant1_operator"
    assert command["created_at"] <= command["sent_at"] <= command["completed_at"] < command["expires_at"]
    assert (command["error"], command["charge_point_id"]) == (None, station.id)
    assert await read(api, command) == command
    assert station.line.asked[0].message_id == command["id"]
    kinds = [f"command.{state}" for state in ("queued", "sent", "accepted")]
    assert announced(cluster, capture, station) == [(kind, command["id"]) for kind in kinds]


@pytest.mark.parametrize("query", ["?wait=0", "?%77ait=5"])
async def test_who_does_not_wait_is_told_nothing_of_waiting(
    api: httpx.AsyncClient, station: LightStation, query: str
) -> None:
    answer = await send(api, station, "it", query)
    assert answer.status_code == 202
    assert "x-waits-for" not in answer.headers


@pytest.mark.parametrize("length", [10, 100_000])
async def test_who_waits_at_another_instance_gets_the_command_as_it_is_stored(
    cluster: Cluster, instances: list[Gateway], length: int
) -> None:
    """The long one does not fit into a letter between instances."""
    [station] = cluster.stations(1)
    await station.connect(instances[1].url)
    async with cluster.api(instances[0]) as api:
        answer = await send(api, station, "x" * length)
        assert (answer.status_code, answer.json()["state"]) == (200, "accepted")
        assert await read(api, answer.json()) == answer.json()
    station.drop()


async def test_what_waits_for_an_offline_station_is_sent_in_order_when_it_is_back(
    cluster: Cluster, instances: list[Gateway], offline: LightStation, api: httpx.AsyncClient, capture: MqttCapture
) -> None:
    station = offline
    commands = [await ask(api, station, f"{number}") for number in range(5)]
    assert {(await read(api, one))["state"] for one in commands} == {"queued"}
    assert announced(cluster, capture, station) == [("command.queued", one["id"]) for one in commands]

    await station.connect(instances[1].url)
    await cluster.until_command(commands[-1]["id"], lambda one: one["state"] == "accepted")
    assert executed(station) == ["0", "1", "2", "3", "4"]
    sent_and_answered = [(kind, one["id"]) for one in commands for kind in ("command.sent", "command.accepted")]
    assert announced(cluster, capture, station)[len(commands) :] == sent_and_answered


async def test_nothing_is_asked_of_a_station_before_its_boot_is_accepted(
    cluster: Cluster, instances: list[Gateway], api: httpx.AsyncClient
) -> None:
    [station] = cluster.stations(1, booted=False)
    command = await ask(api, station)
    await station.connect(instances[0].url)
    refused = await station.line.begin("Heartbeat", {})
    assert refused[0] == 4
    assert executed(station) == []
    assert (await station.line.call("BootNotification", BOOT))["status"] == "Accepted"
    await cluster.until_command(command["id"], lambda one: one["state"] == "accepted")
    assert executed(station) == ["it"]
    station.drop()


@pytest.mark.slow
async def test_what_is_not_sent_in_time_expires(
    cluster: Cluster, instances: list[Gateway], api: httpx.AsyncClient, capture: MqttCapture
) -> None:
    """Of a station that is offline, and behind an answer that a station owes."""
    offline, busy = cluster.stations(2)
    await busy.connect(instances[1].url)
    busy.holding = True
    first = await ask(api, busy, "first")
    await busy.until(lambda one: len(one.held) == 1)
    late = [await ask(api, station, "late", expires_in=1) for station in (offline, busy)]
    for command in late:
        ended = await cluster.until_command(command["id"], lambda one: one["state"] == "expired")
        assert (ended["sent_at"], ended["response"], ended["error"]) == (None, None, None)
    busy.release()
    await cluster.until_command(first["id"], lambda one: one["state"] == "accepted")
    await offline.connect(instances[0].url)
    for station in (offline, busy):
        assert (await send(api, station, "still serves")).json()["state"] == "accepted"
    assert (executed(busy), executed(offline)) == (["first", "still serves"], ["still serves"])
    for station, command in zip((offline, busy), late, strict=True):
        kinds = [kind for kind, name in announced(cluster, capture, station) if name == command["id"]]
        assert kinds == ["command.queued", "command.expired"]
        station.drop()


class TestCancel:
    async def test_of_an_offline_station(
        self, cluster: Cluster, offline: LightStation, instances: list[Gateway], capture: MqttCapture
    ) -> None:
        async with cluster.api(instances[0]) as api, cluster.api(instances[1]) as other_api:
            command, kept = await ask(api, offline, "cancelled"), await ask(api, offline, "kept")
            answer = await other_api.post(f"/commands/{command['id']}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        await offline.connect(instances[0].url)
        await cluster.until_command(kept["id"], lambda one: one["state"] == "accepted")
        assert executed(offline) == ["kept"]
        kinds = [kind for kind, name in announced(cluster, capture, offline) if name == command["id"]]
        assert kinds == ["command.queued", "command.cancelled"]

    @pytest.mark.parametrize("at", [0, 1], ids=["at the owner", "at another instance"])
    async def test_behind_an_answer_that_a_station_owes(
        self, cluster: Cluster, station: LightStation, instances: list[Gateway], capture: MqttCapture, at: int
    ) -> None:
        station.holding = True
        async with cluster.api(instances[at]) as api, cluster.api(instances[1]) as other_api:
            first = await ask(api, station, "first")
            await station.until(lambda one: len(one.held) == 1)
            second, third = await ask(other_api, station, "second"), await ask(other_api, station, "third")
            answer = await api.post(f"/commands/{second['id']}/cancel")
            assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
            station.release()
            await cluster.until_command(third["id"], lambda one: one["state"] == "accepted")
            assert executed(station) == ["first", "third"]
            assert (await read(api, first))["state"] == "accepted"
        kinds = [kind for kind, name in announced(cluster, capture, station) if name == second["id"]]
        assert kinds == ["command.queued", "command.cancelled"]

    async def test_of_what_was_sent_is_refused(
        self, cluster: Cluster, station: LightStation, api: httpx.AsyncClient, other_api: httpx.AsyncClient
    ) -> None:
        station.holding = True
        command = await ask(api, station)
        await station.until(lambda one: len(one.held) == 1)
        for canceller in (api, other_api):
            answer = await canceller.post(f"/commands/{command['id']}/cancel")
            assert (answer.status_code, answer.json()["code"]) == (409, "command_not_queued")
        station.release()
        ended = await cluster.until_command(command["id"], lambda one: one["completed_at"])
        assert ended["state"] == "accepted"
        answer = await api.post(f"/commands/{command['id']}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "command_not_queued")
        assert (await read(api, command))["state"] == "accepted", "what has ended stays as it ended"

    async def test_wakes_whoever_waits(
        self, station: LightStation, api: httpx.AsyncClient, offline: LightStation
    ) -> None:
        station.holding = True
        await ask(api, station, "first")
        waiting = asyncio.create_task(send(api, station, "second"))
        queued = await until_listed(api, station, 2)
        assert (await api.post(f"/commands/{queued['id']}/cancel")).status_code == 200
        answer = await waiting
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def until_listed(api: httpx.AsyncClient, station: LightStation, count: int) -> dict[str, Any]:
    """Return the newest of a station's commands when there are so many of them."""
    async with asyncio.timeout(15):
        while True:
            listed = (await api.get(f"/chargepoints/{station.id}/commands")).json()["results"]
            if len(listed) >= count:
                newest: dict[str, Any] = listed[0]
                return newest


class TestAnswers:
    """What a station may answer, and what it means."""

    @pytest.mark.parametrize(
        ("frame", "state", "error"),
        [
            ([3, {"status": "Rejected"}], "rejected", None),
            ([3, {"status": "UnknownVendorId"}], "rejected", None),
            ([4, "NotSupported", "no such thing", {}], "failed", ("NotSupported", "no such thing")),
            ([4, "", "", {}], "failed", ("", "")),
            ([3, {"status": "Perhaps"}], "failed", ("InvalidAnswer", None)),
            ([3, {}], "failed", ("InvalidAnswer", None)),
            ([3, {"status": "Accepted", "more": 1}], "failed", ("InvalidAnswer", None)),
        ],
    )
    async def test_an_answer(
        self, station: LightStation, api: httpx.AsyncClient, frame: list[Any], state: str, error: Any
    ) -> None:
        station.answer = lambda asked: [frame[0], asked.message_id, *frame[1:]]
        command = (await send(api, station, "it")).json()
        assert command["state"] == state
        if error is None:
            assert (command["response"], command["error"]) == (frame[1], None)
        else:
            assert command["response"] is None
            assert command["error"]["code"] == error[0]
            assert error[1] in (None, command["error"]["description"])
        station.answer = accept_again
        assert (await send(api, station, "more")).json()["state"] == "accepted", "the next one has its turn"

    async def test_an_answer_that_no_database_takes(self, station: LightStation, api: httpx.AsyncClient) -> None:
        station.answer = lambda asked: [3, asked.message_id, {"listVersion": 2**63}]
        answer = await api.post(f"/chargepoints/{station.id}/get-local-list-version?wait=30")
        assert answer.json()["state"] == "failed"
        assert answer.json()["error"]["code"] == "InvalidAnswer"
        station.answer = accept_again
        assert (await send(api, station, "more")).json()["state"] == "accepted"

    async def test_an_answer_to_nothing_is_ignored(self, station: LightStation, api: httpx.AsyncClient) -> None:
        station.line.send([3, "no such id", {"status": "Accepted"}])
        station.line.send([4, "no such id", "InternalError", "", {}])
        assert (await send(api, station, "it")).json()["state"] == "accepted"
        station.line.send([3, station.line.asked[-1].message_id, {"status": "Rejected"}])
        assert (await send(api, station, "more")).json()["state"] == "accepted"
        assert (await read(api, {"id": station.line.asked[-2].message_id}))["state"] == "accepted"


def accept_again(asked: Asked) -> list[Any]:
    return [3, asked.message_id, {"status": "Accepted"}]


async def test_silence_ends_a_command_and_a_late_answer_is_kept(
    cluster: Cluster,
    instances: list[Gateway],
    offline: LightStation,
    other_api: httpx.AsyncClient,
    capture: MqttCapture,
) -> None:
    [hasty] = cluster.start("uvicorn-hasty", OCPP_CALL_TIMEOUT="1s")
    station = offline
    await station.connect(hasty.url)
    station.holding = True
    command = (await send(other_api, station, "it")).json()
    assert (command["state"], command["error"]["code"]) == ("timed_out", "NoAnswer")
    station.release()
    late = await cluster.until_command(command["id"], lambda one: one["response"] is not None)
    assert (late["state"], late["response"]) == ("timed_out", {"status": "Accepted"})
    assert late["error"]["code"] == "NoAnswer"
    assert (await send(other_api, station, "more")).json()["state"] == "accepted"
    kinds = [kind for kind, name in announced(cluster, capture, station) if name == command["id"]]
    assert kinds == ["command.queued", "command.sent", "command.timed_out"]
    station.drop()
    hasty.stop()


class TestIdempotency:
    async def test_the_same_request_again_gives_the_first_command(
        self, station: LightStation, api: httpx.AsyncClient, other_api: httpx.AsyncClient
    ) -> None:
        body = {"action": "DataTransfer", "payload": {"vendorId": "Acme", "data": "once"}}
        url, key = f"/chargepoints/{station.id}/commands?wait=30", {"Idempotency-Key": "order-1"}
        first = await api.post(url, json=body, headers=key)
        for client in (api, other_api):
            again = await client.post(url, json=body, headers=key)
            assert (again.status_code, again.json()) == (first.status_code, first.json())
        other = {**body, "payload": {"vendorId": "Acme", "data": "twice"}}
        refused = await other_api.post(url, json=other, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
        assert executed(station) == ["once"]

    async def test_the_same_request_many_times_at_once(
        self, cluster: Cluster, instances: list[Gateway], station: LightStation
    ) -> None:
        clients = [cluster.api(gateway) for gateway in instances]
        body = {"action": "DataTransfer", "payload": {"vendorId": "Acme", "data": "once"}}
        url, key = f"/chargepoints/{station.id}/commands?wait=30", {"Idempotency-Key": "order-2"}
        posts = (clients[number % 3].post(url, json=body, headers=key) for number in range(24))
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert executed(station) == ["once"]
        assert len(cluster.commands(station)) == 1
        for client in clients:
            await client.aclose()

    async def test_a_key_is_its_users_own(
        self, cluster: Cluster, instances: list[Gateway], station: LightStation, api: httpx.AsyncClient
    ) -> None:
        body = {"action": "DataTransfer", "payload": {"vendorId": "Acme", "data": "mine"}}
        url, key = f"/chargepoints/{station.id}/commands?wait=30", {"Idempotency-Key": "order-3"}
        first = await api.post(url, json=body, headers=key)
        async with cluster.api(instances[0], role="admin") as somebody_else:
            second = await somebody_else.post(url, json=body, headers=key)
        assert (first.status_code, second.status_code) == (200, 200)
        assert first.json()["id"] != second.json()["id"]
        assert executed(station) == ["mine", "mine"]

    async def test_a_key_is_good_for_one_station(
        self, cluster: Cluster, instances: list[Gateway], station: LightStation, api: httpx.AsyncClient
    ) -> None:
        [neighbour] = cluster.stations(1)
        await neighbour.connect(instances[2].url)
        body = {"action": "DataTransfer", "payload": {"vendorId": "Acme", "data": "each"}}
        for one in (station, neighbour):
            url = f"/chargepoints/{one.id}/commands?wait=30"
            answer = await api.post(url, json=body, headers={"Idempotency-Key": "order-3"})
            assert answer.json()["state"] == "accepted"
        assert (executed(station), executed(neighbour)) == (["each"], ["each"])
        neighbour.drop()


class TestWithoutQueue:
    """A tenant that wants nothing done later than it was asked for."""

    async def test_a_command_for_an_offline_station_is_refused(
        self, cluster: Cluster, instances: list[Gateway]
    ) -> None:
        [station] = cluster.stations(1, WITHOUT_QUEUE)
        async with cluster.api(instances[0], tenant=WITHOUT_QUEUE) as api:
            answer = await send(api, station, "it")
            assert (answer.status_code, answer.json()["code"]) == (409, "station_offline")
            assert cluster.commands(station, WITHOUT_QUEUE) == []
            await station.connect(instances[1].url)
            assert (await send(api, station, "it")).json()["state"] == "accepted"
        station.drop()

    async def test_a_repeated_request_gets_its_command_although_the_station_has_gone(
        self, cluster: Cluster, instances: list[Gateway]
    ) -> None:
        """A reset that worked takes the station away, and may take the first answer with it."""
        [station] = cluster.stations(1, WITHOUT_QUEUE)
        await station.connect(instances[1].url)
        async with cluster.api(instances[0], tenant=WITHOUT_QUEUE) as api:
            url, key = f"/chargepoints/{station.id}/reset?wait=30", {"Idempotency-Key": "order-4"}
            first = await api.post(url, json={"type": "hard"}, headers=key)
            station.drop()
            await cluster.until_charge_point(station, lambda one: one["connected"] is None, WITHOUT_QUEUE)
            again = await api.post(url, json={"type": "hard"}, headers=key)
            assert first.json()["state"] == "accepted"
            assert (again.status_code, again.json()) == (200, first.json())

    async def test_what_waits_behind_an_answer_ends_with_the_connection(
        self, cluster: Cluster, instances: list[Gateway]
    ) -> None:
        [station] = cluster.stations(1, WITHOUT_QUEUE)
        await station.connect(instances[1].url)
        station.holding = True
        async with cluster.api(instances[0], tenant=WITHOUT_QUEUE) as api:
            first = asyncio.create_task(send(api, station, "first"))
            await station.until(lambda one: len(one.held) == 1)
            second = await ask(api, station, "second")
            station.drop()
            assert (await first).json()["error"]["code"] == "ConnectionLost"
            ended = await cluster.until_command(second["id"], lambda one: one["state"] != "queued", WITHOUT_QUEUE)
            assert (ended["state"], ended["error"]["code"]) == ("failed", "StationOffline")
            station.holding = False
            await station.connect(instances[0].url)
            assert (await send(api, station, "now")).json()["state"] == "accepted"
        assert executed(station) == ["first", "now"]
        station.drop()
