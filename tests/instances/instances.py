"""Several instances of the product behind one set of servers, and an operator who uses any of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from csms.embedded.ports import any_free
from csms.embedded.program import Gateway
from tests.acceptance.mqtt_capture import History
from tests.acceptance.product import Product
from tests.instances.light_station import LightStation

TENANT = "tenant1"
# This one keeps no commands for stations that are offline.
WITHOUT_QUEUE = "tenant2"
GLOBAL = "ocpp_global"
# Nobody waits longer for an answer than a caller may ask for (`?wait=`), and a margin.
ANSWER_SECONDS = 70.0


class Cluster:
    """Starts instances of one product and stops them; each has a log of its own."""

    def __init__(self, product: Product, directory: Path) -> None:
        self.product = product
        self._directory = directory
        self._gateways: list[Gateway] = []

    def start(self, *names: str, **settings: str) -> list[Gateway]:
        """Start an instance for each name, all at the same time; the part before the `-` is its server."""
        gateways = [self._gateway(name, settings) for name in names]
        for gateway in gateways:
            gateway.launch()
        with ThreadPoolExecutor(len(gateways)) as threads:
            list(threads.map(lambda gateway: gateway.wait_ready(), gateways))
        return gateways

    def _gateway(self, name: str, settings: dict[str, str]) -> Gateway:
        environment = {
            **self.product.environment,
            "CSMS_SERVER": name.partition("-")[0],
            "REDIS_DISTRIBUTED_STATE": "true",
            "LOG_FORMAT": "json",
            **settings,
        }
        gateway = Gateway(name, any_free(), environment, self._directory / f"{name}-{len(self._gateways)}.log")
        self._gateways.append(gateway)
        return gateway

    def stop(self) -> None:
        """Stop all that still run, at the same time."""
        for gateway in self._gateways:
            gateway.process.ask_to_stop()
        for gateway in self._gateways:
            gateway.stop()

    # -- What an operator does -----------------------------------------------------------------------

    def api(self, gateway: Gateway, role: str = "operator", tenant: str = TENANT) -> httpx.AsyncClient:
        """Return a client of the REST API of one instance, logged in as a member with this role."""
        [user] = [user for user in self.product.tenants[tenant].users if user["role"] == role]
        return httpx.AsyncClient(
            base_url=f"{gateway.url}/api/v1",
            headers={"Authorization": f"Bearer {user['access']}"},
            timeout=ANSWER_SECONDS,
            limits=httpx.Limits(max_connections=None),
        )

    def configure(self, tenant: str, **fields: Any) -> None:
        """Change a tenant's configuration, as its row says it; instances learn of it within seconds."""
        self.product.mongodb[GLOBAL]["tenants"].update_one({"_id": tenant}, {"$set": fields})

    # -- What is installed ---------------------------------------------------------------------------

    def stations(self, count: int, tenant: str = TENANT, *, booted: bool = True) -> list[LightStation]:
        """Return stations that no other test has used; they have been in service before unless `booted` is false."""
        described = self.product.unused_stations(tenant, count)
        if booted:
            self.product.database(tenant)["charge_points"].update_many(
                {"_id": {"$in": [one["id"] for one in described]}},
                {"$set": {"booted_at": datetime(2025, 5, 1, tzinfo=UTC)}},
            )
        return [LightStation(one["id"], httpx.URL(one["url"]).path, one["key"]) for one in described]

    # -- What is stored ------------------------------------------------------------------------------

    def charge_point(self, station: LightStation, tenant: str = TENANT) -> dict[str, Any]:
        """Return a station's document."""
        found = self.product.database(tenant)["charge_points"].find_one({"_id": station.id})
        assert found is not None
        return found

    def commands(self, station: LightStation, tenant: str = TENANT) -> list[dict[str, Any]]:
        """Return the commands of a station that people asked for, the oldest first."""
        query = {"charge_point_id": station.id, "requested_by": {"$ne": "system"}}
        return list(self.product.database(tenant)["commands"].find(query).sort("created_at"))

    async def until_command(
        self, command_id: str, condition: Callable[[dict[str, Any]], Any], tenant: str = TENANT, deadline: float = 30.0
    ) -> dict[str, Any]:
        """Return a command's document when it fulfils the condition."""
        return await asyncio.to_thread(self._watched, "commands", command_id, condition, tenant, deadline)

    async def until_charge_point(
        self,
        station: LightStation,
        condition: Callable[[dict[str, Any]], Any],
        tenant: str = TENANT,
        deadline: float = 30.0,
    ) -> dict[str, Any]:
        """Return a station's document when it fulfils the condition."""
        return await asyncio.to_thread(self._watched, "charge_points", station.id, condition, tenant, deadline)

    def _watched(
        self, collection: str, key: str, condition: Callable[[dict[str, Any]], Any], tenant: str, deadline: float
    ) -> dict[str, Any]:
        end = datetime.now(UTC).timestamp() + deadline
        documents = self.product.database(tenant)[collection]
        with documents.watch([{"$match": {"documentKey._id": key}}], max_await_time_ms=500) as changes:
            while True:
                document = documents.find_one({"_id": key})
                if document is not None and condition(document):
                    return document
                assert datetime.now(UTC).timestamp() < end, f"after {deadline:g} s it is still {document}"
                changes.try_next()


async def connect_all(stations: Iterable[LightStation], gateways: list[Gateway], at_once: int = 25) -> None:
    """Connect stations, spread evenly over the instances."""
    room = asyncio.Semaphore(at_once)

    async def one(place: int, station: LightStation) -> None:
        async with room:
            await station.connect(gateways[place % len(gateways)].url)

    await asyncio.gather(*(one(place, station) for place, station in enumerate(stations)))


async def logged(gateway: Gateway, event: str, deadline: float = 30.0, after: int = 0) -> dict[str, Any]:
    """Return the first line of an instance's log of this event, behind the first `after` ones."""
    return await asyncio.to_thread(_logged, gateway, event, deadline, after)


def _logged(gateway: Gateway, event: str, deadline: float, after: int) -> dict[str, Any]:
    end = datetime.now(UTC).timestamp() + deadline
    while datetime.now(UTC).timestamp() < end:
        found = events_logged(gateway, event)
        if len(found) > after:
            return found[after]
        gateway.process.wait_exit(0.05)  # which is where a gateway that dies ends the waiting
        assert gateway.process.running, gateway.process.with_log(f"{gateway.name} {gateway.process.ending}")
    raise AssertionError(gateway.process.with_log(f"{gateway.name} has not logged {event} within {deadline:g} s"))


def events_logged(gateway: Gateway, event: str) -> list[dict[str, Any]]:
    """Return the lines of an instance's log of this event so far."""
    with gateway.process.log.open(encoding="utf-8", errors="replace") as log:
        lines = [line for line in log if f'"{event}"' in line]
    return [json.loads(line) for line in lines]


def instance_id(gateway: Gateway) -> str:
    """Return the id an instance has in its present life."""
    assert gateway.process.environment is not None
    return gateway.process.environment["CSMS_INSTANCE_ID"]


async def clients(api: httpx.AsyncClient) -> dict[str, str]:
    """Return the connected stations of a tenant as one instance lists them, each with the instance that holds it."""
    answer = await api.get("/clients?page_size=500")
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return {one["charge_point_id"]: one["instance"] for one in answer.json()["results"]}


async def send(api: httpx.AsyncClient, station: LightStation, data: str, query: str = "?wait=30") -> httpx.Response:
    """Ask a station for something that can be told from everything else it is asked for."""
    body = {"action": "DataTransfer", "payload": {"vendorId": "Acme", "data": data}}
    return await api.post(f"/chargepoints/{station.id}/commands{query}", json=body)


def executed(station: LightStation) -> list[str]:
    """Return what a station was asked for with `send`, over all its sockets."""
    return [asked.payload["data"] for asked in station.asked("DataTransfer")]


def command_events(history: History, station: LightStation) -> list[tuple[str, str]]:
    """Return what was announced of a station's commands that people asked for: event type and command id, in order."""
    events = [one.payload for one in history.of_station(station.id)]
    return [
        (event["event_type"], event["data"]["command_id"])
        for event in events
        if event["event_type"].startswith("command.") and event["data"].get("requested_by") != "system"
    ]
