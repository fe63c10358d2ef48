"""A connection to the MQTT broker that tells what became of each message: taken, refused, or the connection cut off.

MQTT 5 wherever the broker speaks it: 3.1.1 has no word for "refused", so a broker that denies a topic or finds a
message too large acknowledges it there all the same, and the message is lost.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from events.broker_address import BrokerAddress
from events.in_flight import MOST, SOON_SECONDS, InFlight, Message
from events.mqtt_version import OLD, VersionChoice

# A broker ends a connection that is silent for one and a half times as long. That is shorter than a lease of
# `events.lease` has left at any time, so what a frozen publisher still holds cannot get out after its successor's.
KEEPALIVE_SECONDS = 5
# A broker that answers neither the connection nor a message for this long is given up and connected to again.
PATIENCE_SECONDS = 30.0
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.2, SOON_SECONDS
# Type, length, topic length, packet id and properties of a PUBLISH, at most.
_PUBLISH_OVERHEAD = 16

log = structlog.get_logger(__name__)


class Broker:
    """One MQTT session after another, driven by its caller: `publish` hands over, `wait` reads and writes.

    Nothing is remembered over a lost connection: the caller has the messages stored and sends them again.
    `patience` is how long the broker may stay silent while an answer of its is due; `keepalive` how long an idle
    connection lasts before it is asked for a sign of life; both in seconds.

    Attributes:
        acknowledged: the tickets of messages the broker has taken. The caller empties the list.
        refused: tickets and reasons of messages it did not take. The caller empties the list.
        cut_off_at: tickets and reasons of messages at which the broker has cut off the connection, each of them while
            it was the only one under way. The caller empties the list.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        patience: float = PATIENCE_SECONDS,
        keepalive: int = KEEPALIVE_SECONDS,
    ) -> None:
        self._address = address
        self._client_id = client_id
        self._patience = patience
        self._keepalive = keepalive
        self._client: mqtt.Client | None = None
        self._version = VersionChoice()
        self._next_try = 0.0
        self._pause = _FIRST_RETRY_SECONDS
        self._last_progress = 0.0
        self._connected_at = 0.0
        self._refusal = ""
        self._tickets = 0
        self._in_flight = InFlight()
        self._largest = math.inf
        self._retains = True
        self.acknowledged: list[int] = []
        self.refused: list[tuple[int, str]] = []
        self.cut_off_at: list[tuple[int, str]] = []
        self.connected = False

    @property
    def unacknowledged(self) -> int:
        """How many messages were handed over and have no answer yet."""
        return len(self._in_flight)

    # -- Connecting --------------------------------------------------------------------------------

    def connect_if_due(self) -> None:
        """Begin a new session if there is none and the pause after the last failure is over."""
        if self._client is not None or time.monotonic() < self._next_try:
            return
        client = self._new_client()
        try:
            client.connect(self._address.host, self._address.port, keepalive=self._keepalive)
        except (OSError, ssl.SSLError, ValueError) as error:
            self._failed(str(error))
            return
        self._client = client
        self._last_progress = time.monotonic()

    def _new_client(self) -> mqtt.Client:
        version = self._version.now
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=version,
            clean_session=True if version is OLD else None,
        )
        # No limits of paho's own: `InFlight` has one. With one paho would walk through all messages at each PUBACK.
        client.max_inflight_messages_set(0)
        client.max_queued_messages_set(0)
        # With a callback here paho leaves the writing to `wait`, instead of a system call for each message.
        client.on_socket_register_write = _leave_writing_to_wait
        client.connect_timeout = 5.0
        if self._address.username:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        self._version.greeted(reason)
        if reason.is_failure:
            self._refusal = f"the broker refuses: {reason}"
            return  # it closes the connection, which is noticed in `wait`
        if getattr(properties, "MaximumQoS", 1) < 1:
            self._refusal = "the broker takes no messages of QoS 1, without which it acknowledges nothing"
            client.disconnect()
            return
        self._in_flight.limit = getattr(properties, "ReceiveMaximum", MOST)
        self._largest = getattr(properties, "MaximumPacketSize", math.inf)
        self._retains = bool(getattr(properties, "RetainAvailable", 1))
        self._tell_of_broker()
        self.connected = True
        self._connected_at = self._last_progress = time.monotonic()

    def _tell_of_broker(self) -> None:
        old = self._version.now is OLD
        version = "3.1.1" if old else "5"
        log.info("mqtt_connected", host=self._address.host, port=self._address.port, version=version)
        if old:
            log.warning("mqtt_refusals_unknown", reason="in MQTT 3.1.1 a broker cannot say that it drops a message")
        if not self._retains:
            log.warning("mqtt_retains_nothing", reason="the broker keeps no status of stations for late subscribers")

    def _on_disconnect(
        self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server and not self._refusal:
            self._refusal = f"the broker ends the session: {reason}"

    def _failed(self, reason: str, *, cut_off: bool = False) -> None:
        """Give the session up. `cut_off`: the other side has ended it, for whatever reason."""
        now = time.monotonic()
        reason = self._refusal or reason
        lived = now - self._connected_at if self.connected else 0.0
        if cut_off and self.connected:
            self._note_cut_off(lived, reason)
        if self._client is not None and self._version.ended(lived):
            self._close()
            return
        if lived > _LAST_RETRY_SECONDS:
            self._pause = _FIRST_RETRY_SECONDS  # not for a broker that throws us out time and again
        if self.connected or self._pause == _FIRST_RETRY_SECONDS:
            log.warning("mqtt_disconnected", host=self._address.host, port=self._address.port, reason=reason)
        self._close()
        self._next_try = now + self._pause
        self._pause = min(self._pause * 2, _LAST_RETRY_SECONDS)

    def _note_cut_off(self, lived: float, reason: str) -> None:
        ticket = self._in_flight.cut_off(lived)
        if ticket is not None:
            self.cut_off_at.append((ticket, reason))

    def _close(self) -> None:
        mqtt_socket = self._client.socket() if self._client is not None else None
        if mqtt_socket is not None:
            mqtt_socket.close()
        self._client = None
        self._refusal = ""
        self.connected = False
        self._in_flight.forget()

    # -- Messages ----------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Hand a message over, to be sent with QoS 1, and return the ticket under which its fate is told."""
        assert self._client is not None
        self._tickets += 1
        size = len(payload) + len(topic.encode()) + _PUBLISH_OVERHEAD
        if size > self._largest:
            self.refused.append((self._tickets, f"{size} bytes; the broker takes {self._largest} at most"))
            return self._tickets
        if not self._in_flight:
            self._last_progress = time.monotonic()
        self._in_flight.add(Message(self._tickets, topic, payload, retain and self._retains))
        return self._tickets

    def _send(self, client: mqtt.Client) -> None:
        self._in_flight.send(lambda one: client.publish(one.topic, one.payload, qos=1, retain=one.retain).mid)

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        self._last_progress = time.monotonic()
        ticket = self._in_flight.settle(mid)
        if ticket is None:
            return  # given up before
        if reason.is_failure:
            self.refused.append((ticket, str(reason)))
        else:
            self.acknowledged.append(ticket)

    def wait(self, seconds: float, wake: socket.socket, send_before: float = math.inf) -> None:
        """Send what was handed over, and read and write until something happens, `wake` becomes readable, or the time
        is over.

        What is still to be sent at the monotonic time `send_before` is not sent: the connection is given up instead.
        """
        client = self._client
        mqtt_socket = client.socket() if client is not None else None
        if client is None or mqtt_socket is None:
            if client is not None:  # paho closes the socket itself when a ping is not answered
                self._failed("the broker does not answer", cut_off=bool(self._refusal))
            select.select([wake], [], [], seconds)
            return
        if self.connected:
            self._send(client)
        pending = getattr(mqtt_socket, "pending", None)
        timeout = 0.0 if pending is not None and pending() else seconds
        writers = [mqtt_socket] if client.want_write() else []
        readable, writable, _ = select.select([mqtt_socket, wake], writers, [], timeout)
        outcome = mqtt.MQTT_ERR_SUCCESS
        if mqtt_socket in readable or timeout == 0.0:
            outcome = client.loop_read()
        if self.unacknowledged and time.monotonic() >= send_before:
            self._failed("this process was held up, and others may have sent its messages")
            return
        if writable and not outcome:
            outcome = client.loop_write()
        if outcome:
            self._failed(mqtt.error_string(outcome), cut_off=True)
            return
        outcome = client.loop_misc()
        if outcome:
            self._failed(mqtt.error_string(outcome), cut_off=bool(self._refusal))
        else:
            self._look_for_silence()

    def _look_for_silence(self) -> None:
        overdue = time.monotonic() - self._patience
        if not self.unacknowledged and self.connected:
            return
        if self._last_progress < overdue:
            self.trust()  # silence says nothing about a single message
            self._failed("the broker acknowledges nothing")
            return
        passed_over = self._in_flight.passed_over(overdue)
        self.refused += [(ticket, "the broker acknowledged later ones and not this") for ticket in passed_over]

    def trust(self) -> None:
        """Send as many messages at a time as the broker takes: what it broke off at is out of the way."""
        self._in_flight.trust()

    def disconnect(self) -> None:
        """End the session in order."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
        self._close()


def _leave_writing_to_wait(client: mqtt.Client, userdata: Any, mqtt_socket: Any) -> None:
    """Take note that there is something to write; `wait` asks the client itself."""
