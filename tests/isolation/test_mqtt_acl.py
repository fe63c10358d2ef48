"""The ACL of docs/events.md on a real mosquitto: a tenant's programs read their own topics and write nothing."""

from __future__ import annotations

import queue
import secrets
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from csms.embedded.mqtt import Mosquitto
from csms.embedded.ports import LOOPBACK, any_free
from csms.embedded.server import program_on_path
from events.topics import event_topic, status_topic
from tests.docs.pages import blocks, read

DEADLINE = 15.0
PASSWORD = "secret"
# The last three would be every tenant, if the broker took a user's name for a pattern.
USERS = ("csms", "volt", "amp", "vol", "+", "#", "volt/#")
STATIONS = ("CP1", "A+B", "A#B", "A/B", "+", "#", "../amp/CP1", "../../amp/#", "%2F", "volt")


class GuardedMosquitto(Mosquitto):
    """With the configuration that the page shows, on a port of its own."""

    def _configuration(self) -> str:
        passwords, acl = self.directory / "passwords", self.directory / "acl"
        passwords.write_text("", encoding="utf-8")
        for user in USERS:
            subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, PASSWORD], check=True, capture_output=True)
        acl.write_text(_shown("# /etc/mosquitto/acl"), encoding="utf-8")
        shown = _shown("# mosquitto.conf")
        for name, path in (("/etc/mosquitto/passwords", passwords), ("/etc/mosquitto/acl", acl)):
            assert name in shown
            shown = shown.replace(name, str(path))
        own = [line for line in super()._configuration().splitlines() if not line.startswith("allow_anonymous")]
        return "\n".join([*own, shown]) + "\n"

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2):
                return True
        except OSError:
            return False


def _shown(first_line: str) -> str:
    found = [block.text for block in blocks(read("docs/events.md"), "text") if block.text.startswith(first_line)]
    assert len(found) == 1, f"docs/events.md shows {len(found)} blocks that begin with {first_line!r}"
    return str(found[0])


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    assert program_on_path("mosquitto"), "this needs mosquitto: sudo apt-get install mosquitto"
    server = GuardedMosquitto(tmp_path_factory.mktemp("acl") / "mosquitto", any_free())
    server.start()
    yield server
    server.stop()


class Client:
    """A connection as one user; every answer of the broker is waited for."""

    def __init__(self, broker: Mosquitto, user: str | None) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[Any] = queue.Queue()
        name = f"acl-{secrets.token_hex(4)}"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        if user is not None:
            self._client.username_pw_set(user, PASSWORD)
        self._client.on_connect = lambda c, u, flags, reason, properties: self._answers.put(reason)
        self._client.on_subscribe = lambda c, u, mid, reasons, properties: self._answers.put(reasons)
        self._client.on_publish = lambda c, u, mid, reason, properties: self._answers.put(reason)
        self._client.on_message = lambda c, u, message: self.messages.put((message.topic, bytes(message.payload)))
        self._client.connect(LOOPBACK, broker.port)
        self._client.loop_start()
        self.greeting = self._answers.get(timeout=DEADLINE)

    def subscribe(self, *topics: str) -> None:
        self._client.subscribe([(topic, 1) for topic in topics])
        self._answers.get(timeout=DEADLINE)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Return whether the broker took the message."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        return not self._answers.get(timeout=DEADLINE).is_failure

    def until(self, last: str) -> set[str]:
        """Return the topics of everything that came, up to and with the one of `last`."""
        came = set()
        while True:
            topic, _ = self.messages.get(timeout=DEADLINE)
            came.add(topic)
            if topic == last:
                return came

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def clients(broker: Mosquitto) -> Iterator[Any]:
    opened: list[Client] = []

    def connect(user: str | None) -> Client:
        opened.append(Client(broker, user))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def topics_of(tenant: str) -> set[str]:
    kinds = {event_topic("ocpp", tenant, station, "session") for station in STATIONS}
    return kinds | {status_topic("ocpp", tenant, station) for station in STATIONS}


WISHES = [
    ["#"],
    ["ocpp/#"],
    ["ocpp/events/+/+/session", "ocpp/status/+/+"],
    ["ocpp/events/amp/#", "ocpp/status/amp/#", "ocpp/events/volt/#", "ocpp/status/volt/#"],
]


@pytest.mark.parametrize("wishes", WISHES, ids=lambda wishes: wishes[0])
def test_a_tenant_reads_its_own_topics_and_no_others(clients: Any, wishes: list[str]) -> None:
    """Whatever its stations are called: `+`, `#` and `/` in a name are no patterns and no levels."""
    reader, product = clients("volt"), clients("csms")
    reader.subscribe(*wishes)

    for tenant in ("amp", "volt", "vol", "volt2"):
        for topic in sorted(topics_of(tenant)):
            assert product.publish(topic, b"{}"), topic
    last = event_topic("ocpp", "volt", "last", "session")
    assert product.publish(last, b"{}")

    assert reader.until(last) == topics_of("volt") | {last}


def test_what_is_retained_is_kept_from_others_too(clients: Any) -> None:
    product = clients("csms")
    for tenant in ("amp", "volt"):
        assert product.publish(status_topic("ocpp", tenant, "CP1"), b"{}", retain=True)
    reader = clients("volt")
    reader.subscribe("#")
    last = event_topic("ocpp", "volt", "last", "session")
    assert product.publish(last, b"{}")
    assert reader.until(last) == {last, status_topic("ocpp", "volt", "CP1")}


def test_tenants_write_nothing(clients: Any) -> None:
    """Not even in their own topics: what is there is from the product."""
    writer = clients("volt")
    for topic in (
        *topics_of("volt"),
        *topics_of("amp"),
        "ocpp/events/volt",
        "elsewhere",
    ):
        assert not writer.publish(topic, b"forged", retain=True), topic


@pytest.mark.parametrize("user", ["+", "#", "volt/#", "vol"])
def test_a_name_is_no_pattern(clients: Any, user: str) -> None:
    reader, product, honest = clients(user), clients("csms"), clients("volt")
    if not reader.greeting.is_failure:
        reader.subscribe("#")
    honest.subscribe("#")
    for topic in sorted(topics_of("volt") | topics_of("amp")):
        product.publish(topic, b"{}")
    last = event_topic("ocpp", "volt", "last", "session")
    product.publish(last, b"{}")
    honest.until(last)
    if not reader.greeting.is_failure:
        # In the order of the broker: were anything on its way to this reader, it would be here before this.
        reader.subscribe("nothing")
    assert not [topic for topic, _ in list(reader.messages.queue) if "/vol/" not in topic]


def test_nobody_comes_in_without_a_name(clients: Any) -> None:
    assert clients(None).greeting.is_failure


def test_topics_of_hostile_names_stay_one_level_long() -> None:
    for station in STATIONS:
        topic = event_topic("ocpp", "volt", station, "session")
        assert topic.startswith("ocpp/events/volt/")
        assert topic.count("/") == 4
        assert not {"+", "#"} & set(topic)


def test_the_page_is_read_from_where_it_is() -> None:
    assert "pattern read ocpp/events/%u/#" in _shown("# /etc/mosquitto/acl")
