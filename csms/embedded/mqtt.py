"""An MQTT broker: mosquitto where it is installed, else amqtt, a broker in Python."""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from csms.embedded.ports import LOOPBACK
from csms.embedded.server import Server, missing, program_on_path

# CONNECT of MQTT 3.1.1: clean session, keep-alive 10 s, client id "ready?".
_CONNECT = b"\x10\x12\x00\x04MQTT\x04\x02\x00\x0a\x00\x06ready?"
_CONNACK_ACCEPTED = b"\x20\x02\x00\x00"
_DISCONNECT = b"\xe0\x00"


class MqttServer(Server):
    """A broker without passwords on 127.0.0.1."""

    name = "mqtt"

    @property
    def url(self) -> str:
        return f"tcp://{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                connection.sendall(_CONNECT)
                answer = connection.recv(4)
                connection.sendall(_DISCONNECT)
                return answer == _CONNACK_ACCEPTED
        except OSError:
            return False


class Mosquitto(MqttServer):
    """mosquitto. A stop keeps retained messages and the queues of clients; kill -9 loses up to 30 s."""

    def command(self) -> list[str]:
        program = program_on_path("mosquitto")
        if program is None:
            raise missing("mosquitto", "mosquitto")
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text(self._configuration(), encoding="utf-8")
        return [program, "-c", str(configuration)]

    def _configuration(self) -> str:
        lines = [
            f"listener {self.port} {LOOPBACK}",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.directory}/",
            "autosave_interval 30",
            # By default a subscriber that is 1000 messages behind loses the rest, QoS 1 or not.
            "max_queued_messages 10000000",
            "max_inflight_messages 1000",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "connection_messages false",
        ]
        if os.geteuid() == 0:
            # Otherwise it becomes the user "mosquitto", who can neither read nor write this directory.
            lines.append("user root")
        return "\n".join(lines) + "\n"


class Amqtt(MqttServer):
    """amqtt, for machines without mosquitto: slower, and what it retains is gone when it stops."""

    def command(self) -> list[str]:
        configuration = self.directory / "amqtt.yaml"
        # JSON is YAML, and needs no library.
        configuration.write_text(json.dumps(self._configuration(), indent=2), encoding="utf-8")
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(configuration)]

    def _configuration(self) -> dict[str, object]:
        return {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{self.port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }


def mqtt_server(directory: Path, port: int, log: Path | None = None) -> MqttServer:
    """Return the broker this machine offers, not yet started. Raises ProcessFailed when there is none."""
    if program_on_path("mosquitto"):
        return Mosquitto(directory, port, log)
    if find_spec("amqtt") is None:
        raise missing("mosquitto", "mosquitto")
    return Amqtt(directory, port, log)
