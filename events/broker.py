"""A connection to the MQTT broker that tells which messages the broker has taken."""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

# A broker ends a connection that is silent for one and a half times as long. That is shorter than a lease of
# `events.lease` has left at any time, so what a frozen publisher still holds cannot get out after its successor's.
KEEPALIVE_SECONDS = 5
# A broker that answers neither the connection nor a message for this long is given up and connected to again.
PATIENCE_SECONDS = 30.0
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.2, 5.0
_DEFAULT_PORTS = {"tcp": 1883, "mqtt": 1883, "ssl": 8883, "mqtts": 8883}

log = structlog.get_logger(__name__)


class BrokerUrlError(ValueError):
    """The broker's URL cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to log in."""

    host: str
    port: int
    tls: bool
    username: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str, username: str = "", password: str = "") -> BrokerAddress:
        """Return the address of `tcp://host[:port]` or `ssl://host[:port]`.

        Raises:
            BrokerUrlError: the URL has another form.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise BrokerUrlError(f"MQTT_BROKER_URL={url!r} is not tcp://host:port or ssl://host:port")
        return cls(
            parts.hostname,
            parts.port or _DEFAULT_PORTS[parts.scheme],
            parts.scheme in ("ssl", "mqtts"),
            username or parts.username or "",
            password or parts.password or "",
        )


class Broker:
    """One MQTT session, driven by its caller: `publish` hands over, `wait` reads and writes.

    Nothing is remembered over a lost connection: the caller has the messages stored and sends them again.
    `patience` is how long the broker may stay silent while an answer of its is due; `keepalive` how long an idle
    connection lasts before it is asked for a sign of life; both in seconds.
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
        self._next_try = 0.0
        self._pause = _FIRST_RETRY_SECONDS
        self._last_progress = 0.0
        self._connected_at = 0.0
        self._refusal = ""
        self.acknowledged: list[int] = []
        self.unacknowledged = 0
        self.connected = False

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
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=True)
        # No limits of paho's own: the caller has one. With one it would walk through all messages at each PUBACK.
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
        return client

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._refusal = f"the broker refuses: {reason}"
            return  # it closes the connection, which is noticed in `wait`
        log.info("mqtt_connected", host=self._address.host, port=self._address.port)
        self.connected = True
        self._connected_at = self._last_progress = time.monotonic()

    def _failed(self, reason: str) -> None:
        now = time.monotonic()
        if self.connected and now - self._connected_at > _LAST_RETRY_SECONDS:
            self._pause = _FIRST_RETRY_SECONDS  # not for a broker that throws us out time and again
        if self.connected or self._pause == _FIRST_RETRY_SECONDS:
            text = self._refusal or reason
            log.warning("mqtt_disconnected", host=self._address.host, port=self._address.port, reason=text)
        self._close()
        self._next_try = now + self._pause
        self._pause = min(self._pause * 2, _LAST_RETRY_SECONDS)

    def _close(self) -> None:
        mqtt_socket = self._client.socket() if self._client is not None else None
        if mqtt_socket is not None:
            mqtt_socket.close()
        self._client = None
        self._refusal = ""
        self.connected = False
        self.unacknowledged = 0

    # -- Messages ----------------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Hand a message over with QoS 1 and return the id under which it will be acknowledged."""
        assert self._client is not None
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if not self.unacknowledged:
            self._last_progress = time.monotonic()
        self.unacknowledged += 1
        return info.mid

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        self.acknowledged.append(mid)
        self.unacknowledged -= 1
        self._last_progress = time.monotonic()

    def wait(self, seconds: float, wake: socket.socket, send_before: float = math.inf) -> None:
        """Read and write until something happens, `wake` becomes readable, or the time is over.

        What is still to be sent at the monotonic time `send_before` is not sent: the connection is given up instead.
        """
        client = self._client
        mqtt_socket = client.socket() if client is not None else None
        if client is None or mqtt_socket is None:
            if client is not None:  # paho closes the socket itself when a ping is not answered
                self._failed("the broker does not answer")
            select.select([wake], [], [], seconds)
            return
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
        outcome = outcome or client.loop_misc()
        if outcome:
            self._failed(mqtt.error_string(outcome))
        elif self._is_silent():
            self._failed("the broker acknowledges nothing")

    def _is_silent(self) -> bool:
        due = self.unacknowledged or not self.connected
        return bool(due) and time.monotonic() - self._last_progress > self._patience

    def disconnect(self) -> None:
        """End the session in order."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
        self._close()


def _leave_writing_to_wait(client: mqtt.Client, userdata: Any, mqtt_socket: Any) -> None:
    """Take note that there is something to write; `wait` asks the client itself."""
